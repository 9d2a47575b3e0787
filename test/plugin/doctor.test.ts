import { join } from 'node:path'
import t from 'tap'
import { type DoctorReport, describeDoctor } from '../../plugin/cli/doctor-report.js'
import { selfTest, TOLERANCES } from '../../plugin/cli/doctor-self-test.js'
import { probe } from '../../scorer/probe.js'
import { logneo, logneoEach } from '../fixtures/plugin/cli.js'
import { smallModel } from '../fixtures/plugin/small-model.js'

const doctor = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  logneo(['doctor', ...args], { env })

/** All at once: each spends its time on a test of two seconds. */
const dir = t.testdir({
  'break.cjs': `const Module = require('node:module')
const load = Module._load
Module._load = function (name, ...rest) {
  if (name === 'onnxruntime-node') throw new Error('libonnxruntime.so.1: wrong ELF class')
  return load.call(this, name, ...rest)
}`,
})
const model = await smallModel()
const [plain, own, cuda, broken] = await Promise.all([
  doctor(['--precision', 'int8', '--threads', '2']),
  doctor(['--model', model, '--json']),
  doctor(['--provider', 'cuda']),
  doctor([], { NODE_OPTIONS: `--require=${join(dir, 'break.cjs')}` }),
])

t.test('it tells what it stands on, and that the CPU computes right', async t => {
  const { code, stdout } = plain
  t.equal(code, 0, stdout)
  t.match(stdout, /^logneo +\d+\.\d+\.\d+, reads model bundles up to format \d+\n/)
  t.match(stdout, `node          ${process.version}, ${process.platform} ${process.arch}\n`)
  t.match(stdout, /\nonnxruntime +\d+\.\d+\.\d+\n/)
  t.match(
    stdout,
    /\nproviders +cpu +yes\n +cuda +(yes|no: .+)\n +tensorrt +(yes|no: .+)\n +webgpu +(yes|no: .+)\n/,
  )
  t.match(stdout, /self-test on cpu in int8, 2 runtime threads, a random model, [\d,]+ events/)
  t.match(stdout, /whole sessions +[\d,]+ events\/s.*\n +step by step +[\d,]+ events\/s/)
  t.match(stdout, /\nOK: the surprises agree, .+ nats at most, 1 are allowed \(.+ s\)\n$/)
})

t.test('with a model of your own, as JSON', async t => {
  const { code, stdout } = own
  t.equal(code, 0, stdout)
  const report = JSON.parse(stdout) as DoctorReport
  t.match(report.model, /^\w{12}$/)
  t.match(report.providers[0], { name: 'cpu', isAvailable: true })
  const { sequence, step, numEvents } = report.selfTest!
  t.equal(sequence.largestDifference, 0, 'the CPU agrees with itself')
  t.ok(step.largestDifference < 1e-4)
  t.ok(sequence.eventsPerSecond > 0 && step.eventsPerSecond > 0 && numEvents > 0)
  t.ok(report.seconds < 60)
})

t.test('a provider that is not there fails, with what to install', async t => {
  if (
    await probe({ provider: 'cuda' }).then(
      () => true,
      () => false,
    )
  )
    return void t.pass('it is there')
  const { code, stdout } = cuda
  t.equal(code, 1)
  t.match(stdout, /\nFAILED: the provider cuda cannot be used: .*onnxruntime-node\/script\/install\.js/)
})

t.test('without ONNX Runtime it still reports', async t => {
  const { code, stdout } = broken
  t.equal(code, 1)
  t.match(stdout, /\nonnxruntime +ONNX Runtime cannot be loaded on .*wrong ELF class\. Install/)
  t.match(stdout, /\nFAILED: ONNX Runtime cannot be loaded/)
})

t.test('wrong options and models end as everywhere', async t => {
  const [precision, threads, model] = await logneoEach([
    ['doctor', '--precision', 'int4'],
    ['doctor', '--threads', '0'],
    ['doctor', '--model', '/nowhere'],
  ])
  t.match(precision, { code: 2, stderr: /float32, float16, int8/ })
  t.match(threads, { code: 2, stderr: /integer >= 1/ })
  t.match(model, { code: 1, stderr: /no model bundle at \/nowhere/ })
})

t.test('a device that computes wrongly fails', async t => {
  const right = await selfTest({ precision: 'float16' })
  t.equal(right.passed, true)
  t.ok(right.sequence.largestDifference < TOLERANCES.float16)
  const report: DoctorReport = {
    logneo: '1.0.0',
    bundleFormat: 1,
    node: 'v20.0.0',
    platform: 'linux x64',
    cpu: 'a CPU',
    cores: 1,
    memoryGiB: 1,
    freeMemoryGiB: 1,
    onnxruntime: '1.0.0',
    providers: [{ name: 'cpu', isAvailable: true }],
    selfTest: { ...right, provider: 'cuda', passed: false, step: { ...right.step, largestDifference: 3 } },
    seconds: 1,
    passed: false,
  }
  t.match(describeDoctor(report), /self-test on cuda \(device 0\) in float16/)
  t.match(
    describeDoctor(report),
    /FAILED: the surprises differ, 3\.0e\+0 nats at most, 0\.1 are allowed .*: do not score with this/,
  )
})
