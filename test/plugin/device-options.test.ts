import t from 'tap'
import { check } from '../../plugin/cli/check.js'
import { parseConfig } from '../../plugin/config.js'
import { createStage } from '../../plugin/stage.js'
import type { StageOptions } from '../../plugin/stage-options.js'
import { probe } from '../../scorer/probe.js'
import { grammarLog, smallModel } from '../fixtures/plugin/small-model.js'

const configOf = (model: string) => `model: ${model}
input: { stdin: { tag: raw } }
output: { ndjson: { path: '-' } }
`

t.test('the config says how the model runs', async t => {
  const model = '{ path: m, precision: int8, provider: cuda, device_id: 1, threads: 2 }'
  t.strictSame(parseConfig(`${configOf(model)}scorer: { cache_mb: 1 }`, {}).stage.scorer, {
    precision: 'int8',
    provider: 'cuda',
    deviceId: 1,
    threads: 2,
    cacheBytes: 2 ** 20,
  })
  t.strictSame(parseConfig(configOf('{ path: m }'), {}).stage.scorer, {})
  t.throws(
    () => parseConfig(configOf('{ path: m, precision: half, provider: gpu }'), {}),
    /model\.precision must be one of float32, float16, int8.*\n.*model\.provider must be one of cpu, cuda, tensorrt, webgpu/,
  )
})

t.test('wrong options of a stage are told all at once', async t => {
  const scorer = { precision: 'half', provider: 'gpu', deviceId: -1, threads: 0, cacheBytes: 0 }
  await t.rejects(createStage({ model: 'm', scorer } as unknown as StageOptions), {
    code: 'ERR_CONFIG',
    problems: [
      'stage.scorer.precision must be one of float32, float16, int8, got half',
      'stage.scorer.provider must be one of cpu, cuda, tensorrt, webgpu, got gpu',
      'stage.scorer.deviceId must be an integer >= 0, got -1',
      'stage.scorer.threads must be an integer >= 1, got 0',
      'stage.scorer.cacheBytes must be above 0, got 0',
    ],
  })
})

t.test('a stage in int8 flags what one in float32 flags', async t => {
  const lines = [...grammarLog(2, 60), ...grammarLog(3, 1).map(line => line.replace('read', 'explode'))]
  const model = await smallModel()
  const verdictsIn = async (precision: 'float32' | 'int8') => {
    const stage = await createStage({ model, scorer: { precision, threads: 2 } })
    const tagged = await stage.process(lines)
    await stage.close()
    return tagged.map(({ logneo }) => logneo)
  }
  const exact = await verdictsIn('float32')
  const rounded = await verdictsIn('int8')
  t.same(
    rounded.map(({ anomaly }) => anomaly),
    exact.map(({ anomaly }) => anomaly),
  )
  const surprises = (verdicts: typeof exact) => verdicts.map(one => ('surprise' in one ? one.surprise! : 0))
  const differences = surprises(rounded).map((surprise, i) => Math.abs(surprise - surprises(exact)[i]!))
  t.ok(Math.max(...differences) > 0, 'it was used')
  t.ok(Math.max(...differences) < 1, `scores differ by ${Math.max(...differences)}`)
})

t.test('check tells of a provider that is not there', async t => {
  if (
    await probe({ provider: 'cuda' }).then(
      () => true,
      () => false,
    )
  )
    return void t.pass('it is there')
  const file = `${t.testdir({ 'x.logneo.yaml': configOf(`{ path: ${await smallModel()}, provider: cuda }`) })}/x.logneo.yaml`
  const complaints: string[] = []
  t.equal(await check(file, { print: () => {}, complain: text => complaints.push(text) }), 2)
  t.match(complaints, [/model\.provider: the provider cuda cannot be used/])
})
