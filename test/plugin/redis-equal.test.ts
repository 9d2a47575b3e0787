import t, { type Test } from 'tap'
import { createStage, type Stage } from '../../plugin/stage.js'
import { sameTold, type Told } from '../fixtures/plugin/same-verdicts.js'
import { type RecordingModel, trainRecordingModel } from '../fixtures/recording-model.js'
import { REDIS_MISSING, RedisServer, redisProgram } from '../fixtures/services/redis.js'

const skip = redisProgram() === undefined ? REDIS_MISSING : false

let model: RecordingModel
let lines: string[]
let redis: RedisServer
let expected: Told[]
let numStages = 0

t.before(async () => {
  if (skip !== false) return
  redis = await RedisServer.start()
  model = await trainRecordingModel()
  lines = await model.lines(48_000, 51_000)
  const stage = await createStage({ model: model.path })
  expected = await tagged(stage, [lines])
  await stage.close()
})
t.teardown(async () => {
  await redis?.stop()
})

/** A stage whose sessions are in Redis, under a prefix of its own. */
async function sharedStage(t: Test): Promise<Stage> {
  const store = { url: redis.url, prefix: `p${numStages++}` }
  const stage = await createStage({ model: model.path, store })
  t.teardown(() => stage.close())
  return stage
}

async function tagged(stage: Stage, chunks: readonly string[][]): Promise<Told[]> {
  const all: Told[] = []
  for (const chunk of chunks) all.push(...(await stage.process(chunk)).map(({ logneo }) => logneo))
  return [...all, ...(await stage.finish('complete'))]
}

function cut(size: number): string[][] {
  const chunks: string[][] = []
  for (let i = 0; i < lines.length; i += size) chunks.push(lines.slice(i, i + size))
  return chunks
}

for (const size of [37, 500, 3000]) {
  t.test(
    `in chunks of ${size}, sessions in Redis give the verdicts of sessions in the process`,
    { skip },
    async t => {
      sameTold(t, await tagged(await sharedStage(t), cut(size)), expected, 'verdicts and summaries')
    },
  )
}
