import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { ResumeError } from '../../scorer/errors.js'
import { Random } from '../../scorer/random.js'
import { removeCheckpoint } from '../../scorer/train/checkpoint-directory.js'
import { type MleResult, type TrainProgress, trainMle } from '../../scorer/train/mle.js'
import { DEFAULT_TRAIN_OPTIONS, type TrainOptions } from '../../scorer/train/options.js'
import { Pace } from '../../scorer/train/pace.js'
import { train } from '../../scorer/train/train.js'
import { makeTrainable } from '../../scorer/train/trainable.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'
import { randomParameters, randomTokens, TINY } from '../fixtures/scorer/tiny-model.js'

const NUM_EPOCHS = 4
const STEPS_PER_EPOCH = 5
/** Steps: the first, the last of an epoch, the first of one, within one, and the last. */
const STOPS = [1, 5, 6, 13, 20]

/** Trains as one task does, keeping its state after every run; `onProgress` may throw to stop it. */
function trainTiny(
  path: string | undefined,
  lora: number,
  onProgress: (progress: TrainProgress) => void = () => {},
  isFinal = false,
): Promise<MleResult> {
  const random = new Random(1)
  const data = new Random(2)
  return trainMle(
    {
      config: TINY,
      trainable: makeTrainable(TINY, randomParameters(TINY, 3), lora, random),
      sequences: Array.from({ length: 16 * STEPS_PER_EPOCH - 3 }, () => ({
        tokens: randomTokens(data, 1 + data.integer(10), TINY.vocabularySize),
        ended: true,
      })),
      options: {
        ...DEFAULT_TRAIN_OPTIONS,
        batchSize: 16,
        epochs: NUM_EPOCHS,
        patience: 10,
        lora,
        threads: 1,
      },
      random,
      pace: new Pace(Number.POSITIVE_INFINITY, 0),
      // Best in the middle, so that the best parameters are not the last.
      validate: async parameters => ({ loss: Math.abs(parameters[0]! - 0.2), topKMissRate: 0 }),
      checkpoint: path === undefined ? undefined : { path, everySeconds: 0 },
      isFinal,
    },
    onProgress,
  )
}

for (const lora of [0, 2]) {
  t.test(`stopped anywhere, training goes on as if it had not been (rank ${lora})`, async t => {
    const whole = await trainTiny(undefined, lora)
    const dir = t.testdir()
    let numStops = 0
    for (const last of STOPS) {
      const path = join(dir, `stopped-${last}.safetensors`)
      const stop = ({ step, validationLoss }: TrainProgress) => {
        if (step >= last && validationLoss === undefined) throw new Error('stopped')
      }
      await trainTiny(path, lora, stop).catch(() => numStops++)
      t.same(await trainTiny(path, lora), whole, `stopped after step ${last}`)
      if (last === STOPS[0]) t.same(await trainTiny(path, lora), whole, 'resumed once more when all is done')
    }
    t.equal(numStops, STOPS.length)
  })
}

t.test('a state that reinforcement began with is taken as it is', async t => {
  const path = join(t.testdir(), 'final.safetensors')
  const stop = ({ step }: TrainProgress) => {
    if (step > 2 * STEPS_PER_EPOCH) throw new Error('stopped')
  }
  await t.rejects(trainTiny(path, 0, stop), /stopped/)
  const result = await trainTiny(path, 0, () => t.fail('no step is made'), true)
  t.ok(result.numSteps > 0 && result.numSteps < NUM_EPOCHS * STEPS_PER_EPOCH, `${result.numSteps} steps`)
  t.same(await trainTiny(path, 0, () => {}, true), result)
})

const SESSIONS = grammarSessions(1, 40)
const OPTIONS: TrainOptions = { epochs: 2, folds: 2 }

t.test('a training is only taken up again with what it began with', async t => {
  const directory = join(t.testdir(), 'a', 'state')
  const kept = (resume: boolean) => ({ checkpoint: { directory, everySeconds: 0, resume } })
  const first = await train(SESSIONS, { ...OPTIONS, ...kept(false) })
  t.same((await readdir(directory)).sort(), [
    'checkpoint.json',
    ...['0', '1', '2'].map(task => `task-${task}.safetensors`),
  ])
  const again = await train(SESSIONS, { ...OPTIONS, ...kept(true) })
  t.same(again.parameters, first.parameters)
  t.same(again.validation, first.validation)
  t.notOk('checkpoint' in first.training.options, 'where it was kept is not recorded')

  const refused: [options: TrainOptions, sessions: typeof SESSIONS, message: RegExp][] = [
    [{ ...OPTIONS, ...kept(false) }, SESSIONS, /state holds the checkpoint of a training.*--resume.*remove/],
    [{ ...OPTIONS, epochs: 3, ...kept(true) }, SESSIONS, /epochs was 2, now 3.*remove it$/],
    [{ ...OPTIONS, lora: 4, seed: 7, ...kept(true) }, SESSIONS, /seed was 42, now 7; lora was 0, now 4/],
    [{ ...OPTIONS, ...kept(true) }, grammarSessions(2, 40), /the sessions are others/],
  ]
  for (const [options, sessions, message] of refused) {
    const error = await train(sessions, options).catch((error: unknown) => error)
    t.ok(error instanceof ResumeError)
    t.match(error, { code: 'ERR_SCORER_RESUME', retriable: false, message })
  }
  t.resolves(
    train(SESSIONS, { ...OPTIONS, timeBudgetSeconds: 60, ...kept(true) }),
    'a time budget may change',
  )
})

t.test('damaged state is told, and what is done with is removed', async t => {
  const directory = join(t.testdir(), 'state')
  const options = { ...OPTIONS, folds: 1, checkpoint: { directory, everySeconds: 0, resume: true } }
  await train(SESSIONS, options)
  const file = join(directory, 'task-0.safetensors')
  await writeFile(file, (await readFile(file)).subarray(0, 5000))
  await t.rejects(train(SESSIONS, options), /task-0\.safetensors is damaged; remove it and train again/)
  await writeFile(join(directory, 'checkpoint.json'), '{')
  await t.rejects(train(SESSIONS, options), /checkpoint in .*state is damaged/)

  await mkdir(join(directory, 'other'))
  await writeFile(join(directory, 'checkpoint.json'), '{"numTasks":1}')
  await removeCheckpoint(directory)
  t.same(await readdir(directory), ['other'], 'what is not ours stays')
  await removeCheckpoint(directory)
})

t.test('a directory that cannot be made is told', async t => {
  const dir = t.testdir({ file: '' })
  const options = { ...OPTIONS, checkpoint: { directory: join(dir, 'file', 'state') } }
  await t.rejects(train(SESSIONS, options), { code: 'ERR_SCORER_RESUME', message: /file\/state/ })
})
