/*
 * Against a real Fluent Bit: FLUENT_BIT=/path/to/fluent-bit npx tap run dist/test/peers/fluent-bit.test.js
 * Passes with Fluent Bit 5.1.1.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { certificates } from '../fixtures/certificates.js'
import { pairwise, type Switches } from '../fixtures/peers/pairwise.js'
import { jsonLines, newFolder, peerProgram, startPeer } from '../fixtures/peers/peer-program.js'
import { StageProcess } from '../fixtures/plugin/stage-process.js'
import { freePort } from '../fixtures/services/free-port.js'

const { path, missing } = peerProgram('FLUENT_BIT')
const NUM_LINES = 2000
const KEY = 'a-shared-key'
const USER = { username: 'logneo', password: 'a-password' }
const OPTIONS = ['ack', 'gzip', 'tls', 'key', 'user', 'metadata'] as const
type Options = Switches<(typeof OPTIONS)[number]>

/** Lines of the file, with what breaks readers that are careless: quotes, other scripts, a long one. */
const lines = Array.from({ length: NUM_LINES }, (_, n) => {
  const more = n % 500 === 7 ? 'x'.repeat(20_000) : n % 10 === 3 ? '"quoted" \\ Grüße 日本 \u{1f600}' : 'done'
  return `worker did step n=${n} req=s${n % 7} ${more}`
})

interface Ports {
  readonly stage: number
  readonly back: number
}

/** The stage, which asks of both sides what Fluent Bit is told to do. */
function stageConfig({ ack, tls, key, user, metadata }: Options, { stage, back }: Ports): string {
  const { ca, server } = certificates()
  return stringify({
    model: { path: './model' },
    session: { regex: 'req=(\\w+)' },
    input: {
      forward: {
        port: stage,
        ...(tls && { tls: server }),
        ...(key && { shared_key: KEY }),
        ...(user && { users: [USER] }),
      },
    },
    output: {
      forward: {
        port: back,
        require_ack: ack,
        emit_metadata: metadata,
        ...(tls && { tls: { ca } }),
        ...(key && { shared_key: KEY }),
        ...(user && USER),
      },
    },
  })
}

/** app.log -> stage -> here -> out.ndjson */
function fluentBitConfig({ ack, gzip, tls, key, user, metadata }: Options, { stage, back }: Ports): object {
  const { ca, server } = certificates()
  return {
    service: { flush: 0.2, grace: 1, log_level: 'info', 'scheduler.base': 1, 'scheduler.cap': 2 },
    pipeline: {
      inputs: [
        { name: 'tail', path: 'app.log', tag: 'raw.app', key: 'message', read_from_head: true },
        {
          name: 'forward',
          listen: '127.0.0.1',
          port: back,
          ...(tls && { tls: 'on', 'tls.crt_file': server.cert, 'tls.key_file': server.key }),
          ...(key && { shared_key: KEY, self_hostname: 'fluent-bit' }),
          ...(user && { 'security.users': `${USER.username} ${USER.password}` }),
        },
      ],
      outputs: [
        {
          name: 'forward',
          match: 'raw.*',
          host: '127.0.0.1',
          port: stage,
          retry_limit: 'no_limits',
          workers: 1,
          require_ack_response: ack,
          retain_metadata_in_forward_mode: metadata,
          ...(gzip && { compress: 'gzip' }),
          ...(tls && { tls: 'on', 'tls.verify': 'on', 'tls.ca_file': ca }),
          ...(key && { shared_key: KEY, self_hostname: 'fluent-bit' }),
          ...(user && USER),
        },
        { name: 'file', match: 'scored.*', path: '.', file: 'out.ndjson', format: 'plain' },
      ],
    },
  }
}

const nameOf = (options: Options): string => OPTIONS.filter(name => options[name]).join(', ') || 'nothing'

// A user is only asked for where there is a key.
for (const options of pairwise(OPTIONS, ({ key, user }) => key || !user)) {
  t.test(
    `tail -> Fluent Bit -> logneo -> Fluent Bit -> file, with ${nameOf(options)}`,
    { skip: missing },
    async t => {
      const folder = await newFolder(t)
      await writeFile(join(folder, 'app.log'), `${lines.join('\n')}\n`)
      const ports = { stage: await freePort(), back: await freePort() }
      const stage = StageProcess.start(t, stageConfig(options, ports))
      await stage.says(/taking Forward chunks/)
      await startPeer(t, path!, config => ['-c', config], folder, fluentBitConfig(options, ports))
      const records = await jsonLines(join(folder, 'out.ndjson'), NUM_LINES)
      t.strictSame(
        records.map(({ message }) => message),
        lines,
        'each record once, in order, as it was',
      )
      t.ok(records.every(({ logneo }) => (logneo as { status?: string })?.status === 'learning'))
      t.strictSame([...new Set(records.flatMap(record => Object.keys(record)))].sort(), ['logneo', 'message'])
      t.equal(await stage.end('SIGTERM'), 0, stage.said)
    },
  )
}
