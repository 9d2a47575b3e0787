import t from 'tap'
import { writeModel } from '../../plugin/model.js'
import { createStage } from '../../plugin/stage.js'
import { readTrainingLog } from '../../plugin/training-log.js'
import { Random } from '../../scorer/random.js'
import { train } from '../../scorer/train/train.js'

/** Of different lengths, so that Drain keeps them apart. */
const EVENTS = [
  'open',
  'read it',
  'wrote to it',
  'flushed it to disk',
  'synced all of its pages',
  'closed it and let it go',
]
const NUM_SESSIONS = 300
const NUM_LINES = 40

/** Sessions side by side, no two of them alike. */
function* sideBySide(): Generator<string> {
  const random = new Random(7)
  for (let step = 0; step < NUM_LINES; step++) {
    for (let session = 0; session < NUM_SESSIONS; session++) {
      const event = EVENTS[Math.floor(random.uniform() * EVENTS.length)]
      yield `2024-03-01 10:${String(step).padStart(2, '0')}:00,000 INFO files: s=${session} ${event}`
    }
  }
}

const AN_HOUR_LATER = Array.from({ length: 3 }, () => '2024-03-01 13:00:00,000 INFO files: s=x open')

async function makeModel(path: string): Promise<void> {
  const log = await readTrainingLog(
    async function* () {
      yield* sideBySide()
    },
    {
      rules: {
        format: '<Date> <Time> <Level> <Component>: <Content>',
        session: { kind: 'regex', pattern: 's=(\\w+)' },
        idleTimeoutSeconds: 600,
      },
      drain: {},
      isComplete: true,
      seed: 1,
    },
  )
  await writeModel(path, await train(log.sequences.slice(0, 40), { epochs: 1 }), log)
}

t.test('sessions that all close at one line are judged in a memo smaller than their prefixes', async t => {
  const model = t.testdir({})
  await makeModel(`${model}/model`)
  const verdictsWith = async (cacheBytes: number, size: number) => {
    const stage = await createStage({ model: `${model}/model`, scorer: { cacheBytes } })
    const lines = [...sideBySide(), ...AN_HOUR_LATER]
    const calls: ReturnType<typeof stage.process>[] = []
    for (let i = 0; i < lines.length; i += size) calls.push(stage.process(lines.slice(i, i + size)))
    const tagged = (await Promise.all(calls)).flat().map(({ logneo }) => logneo)
    const last = await stage.finish('complete')
    await stage.close()
    return [...tagged, ...last]
  }
  const small = await verdictsWith(1, 700)
  const ample = await verdictsWith(2 ** 26, 10_000)
  t.equal(small.length, NUM_SESSIONS * NUM_LINES + AN_HOUR_LATER.length + NUM_SESSIONS + 1)
  t.ok(
    small.every(({ status }) => status === 'scored'),
    'everything is scored',
  )
  t.same(
    small.map(({ anomaly, session }) => [anomaly, session]),
    ample.map(({ anomaly, session }) => [anomaly, session]),
    'as with memory in plenty',
  )
  const differences = small.map(({ score }, i) => Math.abs(score! - ample[i]!.score!))
  t.ok(Math.max(...differences) < 1e-4, 'scores agree')
})
