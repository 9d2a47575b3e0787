import { connectionOptions } from '../output/forward.js'
import { ForwardConnection } from '../output/forward-connection.js'
import { type ForwardOutputOptions, resolveForwardOutputOptions } from '../output/forward-options.js'
import type { Findings, PeerCheck } from './findings.js'

/** A receiver that wants a key says so at once, in milliseconds. */
const GREETING_MS = 500
const ADVICE =
  'see that a Forward input listens there (Fluent Bit: in_forward, Vector: fluent), with the same tls, shared_key and user'

/** Connects and logs in as the output does; sends no chunk. */
export function forwardOutputCheck(options: ForwardOutputOptions): PeerCheck {
  const resolved = resolveForwardOutputOptions(options)
  const { host, port, path, tls, sharedKey, username } = resolved
  return {
    part: 'output.forward',
    peer: path ?? `${host}:${port}`,
    advice: ADVICE,
    look: (findings, signal) =>
      new Promise((resolve, reject) => {
        const connection = new ForwardConnection(connectionOptions(resolved), {
          opened: () => setTimeout(done, sharedKey === undefined ? GREETING_MS : 0),
          acknowledged: () => {},
          drained: () => {},
          failed: reason => reject(new Error(reason)),
        })
        const done = (): void => {
          connection.end()
          noteHow(findings, { tls: tls !== undefined, key: sharedKey !== undefined, username })
          resolve()
        }
        signal.addEventListener('abort', () => connection.end(), { once: true })
      }),
  }
}

interface How {
  readonly tls: boolean
  readonly key: boolean
  readonly username: string | undefined
}

function noteHow(findings: Findings, { tls, key, username }: How): void {
  const who = username === undefined ? '' : ` and the user ${username}`
  findings.ok(`it takes connections${tls ? ' by TLS' : ''}${key ? `, and the shared key${who}` : ''}`)
}
