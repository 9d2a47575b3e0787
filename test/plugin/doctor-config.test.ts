import { join } from 'node:path'
import t from 'tap'
import type { PeerReport } from '../../plugin/doctor/findings.js'
import { Receiver } from '../fixtures/forward-peer.js'
import { logneo, logneoEach } from '../fixtures/plugin/cli.js'
import { said } from '../fixtures/plugin/examined.js'
import { smallModel } from '../fixtures/plugin/small-model.js'
import { freePort } from '../fixtures/services/free-port.js'

const model = await smallModel()
const config = (port: number, rest = ''): string => `
model: { path: ${JSON.stringify(model)} }
input: { stdin: { tag: app } }
output: { forward: { host: 127.0.0.1, port: ${port} } }
${rest}`

t.test('a config whose peers all answer passes', async t => {
  const receiver = await Receiver.start(t)
  const dir = t.testdir({ 'a.yaml': config(receiver.address.port) })
  const { code, stdout } = await logneo(['doctor', '--config', join(dir, 'a.yaml')])
  t.equal(code, 0, stdout)
  t.match(stdout, /^machine \(files and ports\)\n {2}ok {6}what it reads/)
  t.match(stdout, /\nmodel \(\S+\)\n {2}ok {6}model \w{12}, \d+ templates\n/)
  t.match(stdout, `\noutput.forward (127.0.0.1:${receiver.address.port})\n  ok      it takes connections\n`)
  t.match(stdout, /\n\nOK: everything answers. No record and no alert was sent.\n$/)
  t.strictSame(receiver.seen, [])
})

t.test('every peer that is dead is told, each with what to do, and no secret', async t => {
  const port = await freePort()
  const dead = `127.0.0.1:${port}`
  const dir = t.testdir({
    'a.yaml': `
model: { path: /nowhere, learn: { enabled: false }, sidecar: { address: 'tcp:${dead}', token: SECRET-SECRET-SECRET } }
input: { kafka: { brokers: ['${dead}'], topics: [logs], group: g } }
output:
  forward: { host: 127.0.0.1, port: ${port}, shared_key: SECRET }
  elasticsearch: { urls: ['http://${dead}'], api_key: SECRET }
  kafka: { brokers: ['${dead}'], topic: scored }
store: { kind: redis, url: 'redis://${dead}', password: SECRET }
persist: { postgres: { url: 'postgres://logneo:SECRET@${dead}/db' } }
alerts:
  slack: { url: 'http://${dead}/SECRET' }
  webhook: { url: 'http://${dead}/SECRET' }
  email: { host: 127.0.0.1, port: ${port}, from: a@example.org, to: [b@example.org] }
`,
  })
  const { code, stdout } = await logneo([
    'doctor',
    '--config',
    join(dir, 'a.yaml'),
    '--json',
    '--timeout',
    '8s',
  ])
  t.equal(code, 1, stdout)
  const report = JSON.parse(stdout) as { passed: boolean; peers: PeerReport[] }
  t.equal(report.passed, false)
  t.strictSame(
    report.peers.map(({ part }) => part),
    [
      'machine',
      'model',
      'model.sidecar',
      'store',
      'input.kafka',
      'output.forward',
      'output.elasticsearch',
      'output.kafka',
      'persist.postgres',
      'alerts.slack',
      'alerts.webhook',
      'alerts.email',
    ],
  )
  const { machine: _, model: without, ...peers } = said(report.peers)
  t.match(without, /^failed no model bundle at \/nowhere.* -> train a model/)
  for (const [part, text] of Object.entries(peers))
    t.match(
      text,
      /^failed .*(ECONNREFUSED|cannot be reached|refused).* -> see that|^failed .* -> start it/,
      part,
    )
  t.notMatch(stdout, 'SECRET')
})

const dir = t.testdir({
  'lacking.yaml': `
model: { path: ${JSON.stringify(model)} }
input: { files: { paths: [./missing.log], tag: app } }
output: { ndjson: { path: ./no/such/folder/out.ndjson } }
`,
  'wrong.yaml': 'input: 3',
})
const WRONG = ['doctor', '--config', join(dir, 'wrong.yaml')]
const [lacking, wrong, both, noTime] = await logneoEach([
  ['doctor', '--config', join(dir, 'lacking.yaml')],
  WRONG,
  [...WRONG, '--model', model],
  [...WRONG, '--timeout', '0'],
])

t.test('what the machine lacks is told as well', async t => {
  const { code, stdout } = lacking!
  t.equal(code, 1)
  t.match(
    stdout,
    / {2}FAILED {2}input\.files\.paths: \S+missing\.log cannot be read \(ENOENT\): mend the path/,
  )
  t.match(stdout, / {2}FAILED {2}output\.ndjson\.path: the folder \S+ cannot be written to/)
  t.match(stdout, /\nFAILED: 1 of 2 did not pass/)
})

t.test('wrong use ends as everywhere', async t => {
  t.match(wrong, { code: 2, stderr: /input must be/ })
  t.match(both, { code: 2, stderr: /--model and --config/ })
  t.match(noTime, { code: 2 })
})
