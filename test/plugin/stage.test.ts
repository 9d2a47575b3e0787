import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { batches } from '../../plugin/batches.js'
import { createStage, type TaggedRecord } from '../../plugin/stage.js'
import { type RecordingModel, trainRecordingModel } from '../fixtures/recording-model.js'

let model: RecordingModel
t.before(async () => {
  model = await trainRecordingModel()
})

t.test('records come back tagged, in order, with their own fields', async t => {
  const stage = await createStage({ model: model.path })
  t.teardown(() => stage.close())
  const lines = await model.lines(48_000, 48_020)
  const tagged = await stage.process([...lines.map((message, i) => ({ message, i })), 'a line of no session'])
  t.strictSame(
    tagged.filter(({ logneo }) => !('kind' in logneo)).map(({ i }) => i),
    [...lines.keys(), undefined],
  )
  t.equal(tagged.at(-1)!.logneo.status, 'unscored')
  t.match(tagged[0]!.logneo, {
    status: 'scored',
    anomaly: Boolean,
    template_id: /^[0-9a-f]{16}$/,
    model: String,
  })
})

t.test('iterating, piping and calling give the same verdicts', async t => {
  const lines = await model.lines(48_000, 49_000)
  const run = async (use: (stage: Awaited<ReturnType<typeof createStage>>) => Promise<TaggedRecord[]>) => {
    const stage = await createStage({ model: model.path })
    const tagged = await use(stage)
    await stage.close()
    return tagged.map(({ logneo: { score: _, ...verdict } }) => ({
      ...verdict,
      surprise: undefined,
      message: undefined,
      expected: undefined,
    }))
  }
  const called = await run(async stage => [
    ...(await stage.process(lines)),
    ...(await stage.finish('open')).map(summary => ({ logneo: summary })),
  ])
  const iterated = await run(async stage => {
    const all: TaggedRecord[] = []
    for await (const one of stage.processAll(lines)) all.push(one)
    return all
  })
  const piped = await run(async stage => {
    const all: TaggedRecord[] = []
    await pipeline(Readable.from(lines), stage.transform(), async tagged => {
      for await (const one of tagged) all.push(one as TaggedRecord)
    })
    return all
  })
  t.strictSame(iterated, called)
  t.strictSame(piped, called)
})

t.test('minimal fields on ordinary records only', async t => {
  const stage = await createStage({ model: model.path, fields: 'minimal', detect: { falseAlarmRate: 0.2 } })
  t.teardown(() => stage.close())
  const tagged = (await stage.process(await model.lines(48_000, 49_000))).filter(
    ({ logneo }) => logneo.status === 'scored' && !('kind' in logneo),
  )
  const keys = (isAnomaly: boolean) =>
    Object.keys(tagged.find(({ logneo }) => logneo.anomaly === isAnomaly)!.logneo)
  t.strictSame(keys(false), ['status', 'anomaly', 'score', 'severity'])
  t.ok(keys(true).includes('expected'))
})

t.test('wrong options are all named', async t => {
  const options = { model: model.path, detect: { falseAlarmRate: 2 }, maxSessions: 0, colour: 1 }
  await t.rejects(createStage(options), {
    code: 'ERR_CONFIG',
    message: /colour is unknown[\s\S]*falseAlarmRate must be[\s\S]*maxSessions must be/,
  })
})

t.test('batches hold what has come, keep order, end and fail as their source does', async t => {
  const taken: number[][] = []
  for await (const batch of batches([1, 2, 3, 4, 5], 2)) taken.push(batch)
  t.strictSame(taken.flat(), [1, 2, 3, 4, 5])
  t.ok(taken.every(({ length }) => length <= 2))
  const failing = async function* () {
    yield 1
    throw new Error('source broke')
  }
  const before: number[] = []
  await t.rejects(
    async () => {
      for await (const batch of batches(failing(), 10)) before.push(...batch)
    },
    { message: 'source broke' },
  )
  t.strictSame(before, [1])
})
