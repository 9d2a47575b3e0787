import { readBundle } from '../../scorer/bundle.js'
import { ClientConnection } from '../../sidecar/client-connection.js'
import { resolveClientOptions, type SidecarClientOptions } from '../../sidecar/options.js'
import { type HelloReply, PROTOCOL_VERSION } from '../../sidecar/protocol.js'
import { checkHello } from '../../sidecar/reply.js'
import { isNothingAt } from '../model.js'
import type { Findings, PeerCheck } from './findings.js'

const ADVICE =
  'start it (logneo sidecar --model DIR --listen ADDRESS), and see that address and token are the same'

/** Says hello without asking for a model, so that the sidecar loads none on our account; has nothing scored. @param model path of ours */
export function sidecarCheck(options: SidecarClientOptions, model: string): PeerCheck {
  return {
    part: 'model.sidecar',
    peer: options.address,
    advice: ADVICE,
    look: async (findings, signal) => {
      const hello = await greet(options, signal)
      findings.ok(`${hello.server}, protocol ${hello.protocol}, has the model ${hello.bundle}`)
      await noteModel(hello, model, findings)
    },
  }
}

async function greet(given: SidecarClientOptions, signal: AbortSignal): Promise<HelloReply> {
  const options = resolveClientOptions(given)
  const { name, token } = options
  let fail = (_: Error): void => {}
  const ended = new Promise<never>((_, reject) => {
    fail = reject
  })
  const connection = new ClientConnection(options, {
    onConnect: () => {},
    onBundle: () => {},
    onEnd: reason => fail(new Error(reason)),
  })
  signal.addEventListener('abort', () => connection.end('the time is up'), { once: true })
  const request = {
    op: 'hello',
    protocol: PROTOCOL_VERSION,
    client: name,
    ...(token !== undefined && { token }),
  }
  try {
    return checkHello(await Promise.race([connection.request(request), ended]))
  } finally {
    ended.catch(() => {})
    connection.end('all is said')
  }
}

async function noteModel({ bundle }: HelloReply, path: string, findings: Findings): Promise<void> {
  if (await isNothingAt(path)) return
  const { id } = await readBundle(path)
  if (id !== bundle)
    findings.failed(
      `it has another model than ${path}, which is ${id}`,
      'give both the same bundle and send SIGHUP to the older',
    )
}
