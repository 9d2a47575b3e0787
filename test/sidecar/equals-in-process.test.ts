import assert from 'node:assert/strict'
import t from 'tap'
import { createStage, type TaggedRecord } from '../../plugin/stage.js'
import type { StageOptions } from '../../plugin/stage-options.js'
import { type RecordingModel, trainRecordingModel } from '../fixtures/recording-model.js'
import { startSidecar } from '../fixtures/sidecar.js'

let model: RecordingModel
t.before(async () => {
  model = await trainRecordingModel()
})

/** Faulty lines of the recording, judged strictly enough that many are flagged. */
const DETECT = {
  falseAlarmRate: 0.05,
  detectors: ['next-key', 'session-end', 'unseen-key', 'top-k'],
} as const

async function judge(
  lines: readonly string[],
  cuts: readonly number[],
  options: Omit<StageOptions, 'model'> = {},
): Promise<TaggedRecord[]> {
  const stage = await createStage({ model: model.path, detect: DETECT, ...options })
  const calls: Promise<TaggedRecord[]>[] = []
  let from = 0
  for (const size of [...cuts, lines.length]) {
    calls.push(stage.process(lines.slice(from, from + size)))
    from += size
  }
  const tagged = (await Promise.all(calls)).flat()
  const last = await stage.finish('complete')
  await stage.close()
  return [...tagged, ...last.map(logneo => ({ logneo }))]
}

/** Flags and reasons are equal, numbers agree within 1e-4. */
function assertAlike(given: readonly TaggedRecord[], expected: readonly TaggedRecord[]): void {
  const verdicts = (all: readonly TaggedRecord[]) =>
    all.map(({ logneo }) => logneo as unknown as Record<string, unknown>)
  const exact = ({
    score,
    surprise,
    rank,
    expected: _,
    message,
    evidence,
    ...rest
  }: Record<string, unknown>) => rest
  assert.equal(given.length, expected.length)
  verdicts(given).forEach((one, i) => {
    const other = verdicts(expected)[i]!
    assert.deepEqual(exact(one), exact(other))
    for (const name of ['score', 'surprise', 'rank'])
      assert.ok(Math.abs(Number(one[name] ?? 0) - Number(other[name] ?? 0)) < 1e-4, `${name} of ${i}`)
    assert.deepEqual(templates(one), templates(other))
  })
}

const templates = ({ expected }: Record<string, unknown>) =>
  (expected as { template: string }[] | undefined)?.map(({ template }) => template)

t.test('verdicts through a sidecar are those of this process, however the lines are cut', async t => {
  const lines = await model.lines(47_329, 48_400)
  const expected = await judge(lines, [])
  t.ok(expected.some(({ logneo }) => logneo.anomaly === true))
  t.ok(expected.some(({ logneo }) => logneo.status === 'scored' && logneo.anomaly === false))
  const { server, address } = await startSidecar(t, { model: model.path })
  for (const cuts of [[], [1, 1, 7, 400, 33], Array.from({ length: 10 }, () => 100)])
    assertAlike(await judge(lines, cuts, { sidecar: { address } }), expected)
  assertAlike(await judge(lines, [50], { sidecar: { address }, scorer: { cacheBytes: 1 } }), expected)
  t.ok(server.counts.events > 0)
  t.equal(server.counts.errors, 0)
})

t.test('a sidecar with hardly any memory and small batches changes no verdict', async t => {
  const lines = await model.lines(47_329, 47_900)
  const expected = await judge(lines, [])
  const scorer = { cacheBytes: 1 }
  const { address } = await startSidecar(t, { model: model.path, scorer, maxBatchEvents: 7, batchWaitMs: 0 })
  assertAlike(await judge(lines, [200], { sidecar: { address } }), expected)
  t.pass()
})

t.test('several stages on one sidecar do not disturb each other', async t => {
  const parts = [await model.lines(47_329, 47_800), await model.lines(47_800, 48_200)]
  const expected = await Promise.all(parts.map(lines => judge(lines, [])))
  const { server, address } = await startSidecar(t, { model: model.path })
  const given = await Promise.all(parts.map(lines => judge(lines, [20, 300], { sidecar: { address } })))
  given.forEach((one, i) => {
    assertAlike(one, expected[i]!)
  })
  t.equal(server.counts.errors, 0)
})

t.test('adaptive top-k, which asks for more than rank and surprise', async t => {
  const detect = { falseAlarmRate: 0.05, detectors: ['top-k'], topK: 'adaptive' } as const
  const lines = await model.lines(47_329, 47_900)
  const { address } = await startSidecar(t, { model: model.path })
  const expected = await judge(lines, [], { detect })
  t.ok(expected.some(({ logneo }) => logneo.anomaly === true))
  assertAlike(await judge(lines, [], { detect, sidecar: { address } }), expected)
})
