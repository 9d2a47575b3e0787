import { detectFormat } from '../../drain/header/detect.js'
import { HeaderFormat } from '../../drain/header/header-format.js'
import { refuseForeign } from '../../scorer/bundle.js'
import { surpriseThreshold } from '../../scorer/calibrate.js'
import { DEFAULT_JUDGE_OPTIONS } from '../../scorer/judge.js'
import type { PresetName } from '../../scorer/model/config.js'
import type { TrainOptions } from '../../scorer/train/options.js'
import type {
  PolicyAction,
  ReinforcementMethod,
  ReinforcementOptions,
} from '../../scorer/train/rl/options.js'
import { type KeySequence, train } from '../../scorer/train/train.js'
import type { TrainedModel } from '../../scorer/trained-model.js'
import { readLines } from '../input/lines.js'
import { DEFAULT_SESSION_RULE, type SessionRule } from '../line-rules.js'
import { writeModel } from '../model.js'
import { readTrainingLog, type TrainingLog } from '../training-log.js'
import { parseMasks } from './masks.js'
import { readSequences } from './sequences.js'
import { progressBar, say, UsageError } from './terminal.js'

export interface TrainCommandOptions {
  readonly input?: readonly string[]
  readonly sequences?: readonly string[]
  readonly out: string
  readonly format?: string
  readonly mask?: readonly string[]
  readonly sessionRegex?: string
  readonly sessionField?: string
  readonly window?: number
  readonly step?: number
  readonly sessionEnd?: string
  readonly idleTimeout?: number
  readonly complete?: boolean
  readonly allowLabels?: boolean
  readonly trim?: boolean
  readonly seed?: number
  readonly epochs?: number
  readonly preset?: PresetName
  readonly rl?: ReinforcementMethod
  readonly rlAction?: PolicyAction
  readonly rlSteps?: number
  readonly rlLearningRate?: number
  readonly progress?: boolean
}

/** Lines looked at to recognise a format. */
const FORMAT_SAMPLE = 1000

/** `logneo train`: raw lines or key sequences to a model bundle. */
export async function trainCommand(options: TrainCommandOptions): Promise<void> {
  const { input, sequences } = options
  if ((input === undefined) === (sequences === undefined)) {
    throw new UsageError(
      'give either --input FILE... (raw lines) or --sequences FILE... (id,label,keys rows)',
    )
  }
  if (input?.includes('-'))
    throw new UsageError('training reads its input twice, so give files; standard input is not enough')
  await refuseForeign(options.out)
  if (sequences !== undefined) {
    const model = await trainOn(await sequencesOf(sequences, options.allowLabels === true), options, false)
    finished(await writeModel(options.out, model, undefined), model, options.out)
    return
  }
  const log = await readLog(input!, options)
  const model = await trainOn(log.sequences, options, options.trim !== false)
  finished(await writeModel(options.out, model, log), model, options.out)
}

async function sequencesOf(paths: readonly string[], allowLabels: boolean): Promise<KeySequence[]> {
  const rows = await readSequences(paths)
  const numAbnormal = rows.filter(({ isAbnormal }) => isAbnormal).length
  if (numAbnormal > 0 && !allowLabels) {
    throw new UsageError(
      `${numAbnormal} rows are labelled 1 (anomalous), and a model is trained on normal sessions; remove them, or add --allow-labels to train on them as they are`,
    )
  }
  return rows.map(({ keys }) => ({ keys, ended: true }))
}

async function readLog(paths: readonly string[], options: TrainCommandOptions): Promise<TrainingLog> {
  const format = await chooseFormat(paths, options.format)
  const session = sessionRule(options)
  const masks = parseMasks(options.mask)
  const log = await readTrainingLog(() => readLines(paths), {
    rules: {
      format,
      session,
      idleTimeoutSeconds: options.idleTimeout,
      ...(options.sessionEnd !== undefined && { endPattern: options.sessionEnd }),
    },
    drain: masks === undefined ? {} : { masks },
    isComplete: options.complete === true,
    seed: options.seed ?? 42,
  })
  const ended = log.sequences.filter(sequence => sequence.ended).length
  say(
    `${log.numLines.toLocaleString('en-US')} lines, ${log.drain.size} templates, ${log.sequences.length.toLocaleString('en-US')} sessions (${describeRule(session)}), ` +
      `${ended.toLocaleString('en-US')} of them taken as ended`,
  )
  if (log.numWithoutSession > 0)
    say(`${log.numWithoutSession.toLocaleString('en-US')} lines belong to no session and were left out`)
  return log
}

/** The format named, or recognised from the first lines; says which. */
export async function chooseFormat(paths: readonly string[], format: string | undefined): Promise<string> {
  if (format !== undefined && format !== 'auto') return HeaderFormat.parse(format).name
  const sample: string[] = []
  for await (const line of readLines(paths)) if (sample.push(line) === FORMAT_SAMPLE) break
  const detected = detectFormat(sample)
  say(`format: ${detected.name} (recognised; --format overrides)`)
  return detected.name
}

function sessionRule(options: TrainCommandOptions): SessionRule {
  const { sessionRegex, sessionField, window, step } = options
  if (sessionRegex !== undefined && sessionField !== undefined) {
    throw new UsageError('give --session-regex or --session-field, not both')
  }
  if (step !== undefined && window === undefined) throw new UsageError('--step goes with --window SECONDS')
  if (step !== undefined && step > window!)
    throw new UsageError('--step must not be longer than --window, or lines between windows would be lost')
  const by =
    sessionRegex !== undefined
      ? ({ kind: 'regex', pattern: sessionRegex } as const)
      : sessionField !== undefined
        ? ({ kind: 'field', path: sessionField } as const)
        : undefined
  if (window !== undefined)
    return { kind: 'window', seconds: window, stepSeconds: step ?? window, ...(by && { by }) }
  if (by !== undefined) return by
  say('no --session-regex, --session-field or --window given: taking windows of 60 seconds of the whole log')
  return DEFAULT_SESSION_RULE
}

function describeRule(rule: SessionRule): string {
  if (rule.kind === 'regex') return `told apart by ${rule.pattern}`
  if (rule.kind === 'field') return `told apart by field ${rule.path}`
  return `windows of ${rule.seconds} s`
}

async function trainOn(
  sequences: readonly KeySequence[],
  options: TrainCommandOptions,
  trim: boolean,
): Promise<TrainedModel> {
  const bar = progressBar(options.progress)
  let isStarted = false
  const trainOptions: TrainOptions = {
    trim,
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.epochs !== undefined && { epochs: options.epochs }),
    ...(options.preset !== undefined && { preset: options.preset }),
    ...(options.rl !== undefined && { reinforcement: reinforcement(options.rl, options) }),
  }
  const model = await train(sequences, trainOptions, (done, total, { loss }) => {
    if (!isStarted) bar.start(total, 'training')
    isStarted = true
    bar.update(done, `loss ${loss.toFixed(3)},`)
  })
  bar.stop()
  return model
}

function reinforcement(
  reward: ReinforcementMethod,
  { rlAction, rlSteps, rlLearningRate }: TrainCommandOptions,
): ReinforcementOptions | 'none' {
  const given = {
    ...(rlAction !== undefined && { action: rlAction }),
    ...(rlSteps !== undefined && { numSteps: rlSteps }),
    ...(rlLearningRate !== undefined && { learningRate: rlLearningRate }),
  }
  if (reward === 'none' && Object.keys(given).length > 0) {
    throw new UsageError('--rl-action, --rl-steps and --rl-learning-rate go with another --rl than none')
  }
  if (reward === 'tail' && rlAction !== undefined) {
    throw new UsageError('--rl-action goes with --rl positional or binary; the reward of the tail explores')
  }
  return reward === 'none' ? 'none' : { reward, ...given }
}

function finished(id: string, model: TrainedModel, out: string): void {
  const { training, calibration, vocabulary } = model
  const last = training.epochs.at(-1)!
  if (training.numTrimmed > 0) {
    say(
      `${training.numTrimmed} sessions are unlike all others and were left out, as anomalies probably; --no-trim trains on them too`,
    )
  }
  const rate = DEFAULT_JUDGE_OPTIONS.falseAlarmRate
  say(
    `trained on ${training.numSessions.toLocaleString('en-US')} sessions (${training.numEvents.toLocaleString('en-US')} events, ${vocabulary.keys.length} log keys) in ${training.seconds.toFixed(1)} s: ` +
      `${training.epochs.length} epochs, loss ${last.trainingLoss.toFixed(4)} in training and ${heldOutLoss(training).toFixed(4)} on sessions held out`,
  )
  say(
    `an event is flagged from a surprise of ${surpriseThreshold(calibration, rate).toFixed(2)} nats on (${rate} false alarms a session, from ${calibration.numSessions} validation sessions)`,
  )
  say(`model ${id} written to ${out}`)
}

/** Mean of the best held-out losses of the folds. */
function heldOutLoss({ foldEpochs }: TrainedModel['training']): number {
  const best = foldEpochs.map(epochs => Math.min(...epochs.map(({ validationLoss = 0 }) => validationLoss)))
  return best.reduce((sum, loss) => sum + loss, 0) / best.length
}
