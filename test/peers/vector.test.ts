/*
 * Against a real Vector: VECTOR=/path/to/vector npx tap run dist/test/peers/vector.test.js
 * Nobody ran this yet: no such program was to be had where it was written.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { jsonLines, newFolder, peerProgram, startPeer } from '../fixtures/peers/peer-program.js'
import { StageProcess } from '../fixtures/plugin/stage-process.js'
import { freePort } from '../fixtures/services/free-port.js'

const { path, missing } = peerProgram('VECTOR')
const NUM_LINES = 2000
const TOKEN = 'a-token-of-sixteen-letters'
const lines = Array.from(
  { length: NUM_LINES },
  (_, n) => `worker did step n=${n} req=s${n % 7} "quoted" Grüße`,
)

for (const compression of ['none', 'gzip'] as const) {
  t.test(
    `file -> Vector's http sink -> logneo -> Vector's fluent source -> file, ${compression}`,
    { skip: missing },
    async t => {
      const folder = await newFolder(t)
      await writeFile(join(folder, 'app.log'), `${lines.join('\n')}\n`)
      const [http, back] = [await freePort(), await freePort()]
      const stage = StageProcess.start(
        t,
        stringify({
          model: { path: './model' },
          session: { regex: 'req=(\\w+)' },
          input: { http: { port: http, token: TOKEN } },
          output: { forward: { port: back, max_frame_bytes: 262_144 } },
        }),
      )
      await stage.says(/taking chunks from http/)
      await startPeer(t, path!, config => ['--config', config], folder, {
        data_dir: folder,
        sources: {
          app: { type: 'file', include: [join(folder, 'app.log')], read_from: 'beginning' },
          back: { type: 'fluent', address: `127.0.0.1:${back}` },
        },
        sinks: {
          to_logneo: {
            type: 'http',
            inputs: ['app'],
            uri: `http://127.0.0.1:${http}/raw.app`,
            encoding: { codec: 'json' },
            framing: { method: 'newline_delimited' },
            compression,
            acknowledgements: { enabled: true },
            auth: { strategy: 'bearer', token: TOKEN },
            batch: { max_events: 500, timeout_secs: 0.5 },
            request: { concurrency: 1 },
          },
          out: {
            type: 'file',
            inputs: ['back'],
            path: join(folder, 'out.ndjson'),
            encoding: { codec: 'json' },
          },
        },
      })
      const records = await jsonLines(join(folder, 'out.ndjson'), NUM_LINES)
      t.strictSame(
        records.map(({ message }) => message),
        lines,
        'each record once, in order, as it was',
      )
      t.ok(records.every(({ logneo }) => (logneo as { status?: string })?.status === 'learning'))
      t.equal(await stage.end('SIGTERM'), 0, stage.said)
    },
  )
}
