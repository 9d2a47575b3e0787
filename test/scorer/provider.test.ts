import t from 'tap'
import { ProviderError } from '../../scorer/errors.js'
import { probe } from '../../scorer/probe.js'
import {
  failureReason,
  PROVIDERS,
  type Provider,
  providerProblem,
  shortReason,
} from '../../scorer/provider.js'
import { runtimeInfo } from '../../scorer/runtime.js'
import { Scorer } from '../../scorer/scorer.js'
import { SequenceScorer } from '../../scorer/sequence-scorer.js'
import { randomParameters, TINY } from '../fixtures/scorer/tiny-model.js'

const model = { config: TINY, parameters: randomParameters(TINY, 5) }

/** Whether this machine has what a provider needs. */
async function isThere(provider: Provider): Promise<boolean> {
  return probe({ provider }).then(
    () => true,
    () => false,
  )
}

t.test('the CPU is always there', async t => {
  t.equal(await isThere('cpu'), true)
  const { version, backends } = runtimeInfo()
  t.match(version, /^\d+\.\d+\.\d+/)
  t.ok(backends.some(({ name, isBundled }) => name === 'cpu' && isBundled))
})

for (const provider of ['cuda', 'tensorrt', 'webgpu'] as const) {
  t.test(`${provider} asked for where it is not is an error that says what to install`, async t => {
    if (await isThere(provider)) return void t.pass('it is there')
    const wanted = {
      code: 'ERR_SCORER_PROVIDER',
      retriable: false,
      message: new RegExp(`the provider ${provider} cannot be used: .+ It needs .+ --provider cpu`),
    }
    await t.rejects(SequenceScorer.loadStored(model, { provider }), wanted)
    await t.rejects(Scorer.start(model, { provider }), wanted, 'out of the thread, too')
    await t.rejects(Scorer.start(model, { provider }), ProviderError)
  })
}

t.test('a library that is not there is named, and so is one whose own are missing', async t => {
  const said = 'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library'
  t.equal(
    failureReason('cuda', said, () => false),
    'libonnxruntime_providers_cuda.so is not there',
  )
  t.match(
    failureReason('tensorrt', said, file => file === 'libonnxruntime_providers_tensorrt.so'),
    /^libonnxruntime_providers_tensorrt\.so is there, but a library that it needs is not/,
  )
  t.equal(
    failureReason('cuda', 'CUDA failure 100: no CUDA-capable device is detected', () => true),
    'CUDA failure 100: no CUDA-capable device is detected',
  )
  for (const provider of PROVIDERS) t.match(providerProblem(provider, 'why'), /cannot be used: why\. .+/)
})

t.test('source locations of the runtime are left out', async t => {
  t.equal(
    shortReason('/a/b.cc:136 C::f(const T&)::<lambda()> status == OK was false. No supported adapters\n\n'),
    'No supported adapters',
  )
  t.equal(shortReason('[ONNXRuntimeError] : 1 : FAIL : cannot open file.'), 'cannot open file')
  t.equal(
    shortReason("Cannot find module 'onnxruntime-node'\nRequire stack:\n- x"),
    "Cannot find module 'onnxruntime-node'",
  )
})
