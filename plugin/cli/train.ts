import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { detectFormat } from '../../drain/header/detect.js'
import { HeaderFormat } from '../../drain/header/header-format.js'
import { refuseForeign } from '../../scorer/bundle-directory.js'
import { defaultFalseAlarmRate } from '../../scorer/judge.js'
import type { PresetName } from '../../scorer/model/config.js'
import { removeCheckpoint } from '../../scorer/train/checkpoint-directory.js'
import { checkStart } from '../../scorer/train/initial.js'
import type { TrainOptions } from '../../scorer/train/options.js'
import type { PolicyAction, ReinforcementMethod } from '../../scorer/train/rl/options.js'
import { type KeySequence, train } from '../../scorer/train/train.js'
import type { TrainedModel } from '../../scorer/trained-model.js'
import { readLines } from '../input/lines.js'
import { TRACE_NAMES, type TraceName } from '../join/traces.js'
import { DEFAULT_SESSION_RULE, describeSessionRule, type SessionRule } from '../line-rules.js'
import { writeModel } from '../model.js'
import { packageVersion } from '../package-version.js'
import { REPORT_FILE, type ReportFacts, reportDocuments } from '../report/documents.js'
import { counted, integer } from '../report/html.js'
import { readTrainingLog, type TrainingLog } from '../training-log.js'
import { checkSessions } from './check-sessions.js'
import { parseMasks } from './masks.js'
import { readSequences } from './sequences.js'
import { type StatusLine, say, statusLine, UsageError } from './terminal.js'
import { checkTrainOptions, trainOptionsOf } from './train-options.js'
import { trainingSummary } from './train-summary.js'
import { trainingBar } from './training-bar.js'

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
  /** Languages whose traces go on with the line before them; true: all that are known. */
  readonly join?: TraceName[] | true
  readonly idleTimeout?: number
  readonly complete?: boolean
  readonly allowLabels?: boolean
  /** Whether sessions unlike all others are left out. Default: of raw lines. */
  readonly trim?: boolean
  readonly seed?: number
  readonly epochs?: number
  readonly preset?: PresetName
  readonly init?: string
  readonly batchSize?: number
  readonly accumulate?: number
  readonly learningRate?: number
  readonly folds?: number
  readonly lora?: number
  readonly threads?: number
  /** Seconds. */
  readonly timeBudget?: number
  readonly checkpoint?: string
  /** Seconds. */
  readonly checkpointEvery?: number
  readonly resume?: boolean
  readonly rl?: ReinforcementMethod
  readonly rlAction?: PolicyAction
  readonly rlSteps?: number
  readonly rlLearningRate?: number
  readonly progress?: boolean
  readonly report?: boolean
}

/** Lines looked at to recognise a format. */
const FORMAT_SAMPLE = 1000
/** Lines read between two signs of life. */
const SHOWN_EVERY = 50_000

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
  await checkStart(options)
  await checkTrainOptions(options)
  await refuseForeign(options.out)
  const log = sequences === undefined ? await readLog(input!, options) : undefined
  const sessions = log?.sequences ?? (await sequencesOf(sequences!, options.allowLabels === true))
  const trainOptions = trainOptionsOf(options, {
    trim: options.trim ?? log !== undefined,
    secondsSpent: process.uptime(),
  })
  const model = await trainOn(sessions, trainOptions, options.progress)
  await finish(model, options, { paths: input ?? sequences!, ...(log && { log }) })
  if (options.checkpoint !== undefined) await removeCheckpoint(options.checkpoint)
}

async function sequencesOf(paths: readonly string[], allowLabels: boolean): Promise<KeySequence[]> {
  const rows = await readSequences(paths)
  const numAbnormal = rows.filter(({ isAbnormal }) => isAbnormal).length
  if (numAbnormal > 0 && !allowLabels) {
    throw new UsageError(
      `${numAbnormal} rows are labelled 1 (anomalous), and a model is trained on normal sessions; remove them, or add --allow-labels to train on them as they are`,
    )
  }
  return rows.map(({ id, keys }) => ({ id, keys, ended: true }))
}

async function readLog(paths: readonly string[], options: TrainCommandOptions): Promise<TrainingLog> {
  const format = await chooseFormat(paths, options.format)
  const session = sessionRule(options)
  const masks = parseMasks(options.mask)
  const status = statusLine(options.progress)
  const log = await readTrainingLog(() => countedLines(paths, status), {
    rules: {
      format,
      session,
      idleTimeoutSeconds: options.idleTimeout,
      ...(options.sessionEnd !== undefined && { endPattern: options.sessionEnd }),
      ...(options.join && { join: { traces: options.join === true ? [...TRACE_NAMES] : options.join } }),
    },
    drain: masks === undefined ? {} : { masks },
    isComplete: options.complete === true,
    seed: options.seed ?? 42,
  }).finally(status.clear)
  await checkSessions(log, paths)
  const numEnded = log.sequences.filter(sequence => sequence.ended).length
  say(
    `${counted(log.numLines, 'line')}, ${counted(log.drain.size, 'template')}, ${counted(log.sequences.length, 'session')} (${describeSessionRule(session)}), ` +
      `${integer(numEnded)} of them taken as ended`,
  )
  if (log.numWithoutSession > 0) say(`${counted(log.numWithoutSession, 'line')} of no session left out`)
  return log
}

/** The lines of the input, shown to be read now and then. */
async function* countedLines(paths: readonly string[], status: StatusLine): AsyncGenerator<string> {
  let numLines = 0
  for await (const line of readLines(paths)) {
    if (++numLines % SHOWN_EVERY === 0) status.show(`reading, ${integer(numLines)} lines`)
    yield line
  }
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

async function trainOn(
  sequences: readonly KeySequence[],
  options: TrainOptions,
  isProgressWanted: boolean | undefined,
): Promise<TrainedModel> {
  const bar = trainingBar(isProgressWanted)
  try {
    return await train(sequences, options, bar.listener)
  } finally {
    bar.stop()
  }
}

/** What a model was trained on; `log` is missing where it was key sequences. */
interface Input {
  readonly paths: readonly string[]
  readonly log?: TrainingLog
}

/** Writes the model, with its report unless unwanted, and says how it came out. */
async function finish(model: TrainedModel, options: TrainCommandOptions, input: Input): Promise<void> {
  const { out } = options
  const facts = reportFacts(model, input)
  const documents = options.report === false ? undefined : reportDocuments(facts, say)
  const id = await writeModel(out, model, input.log, documents)
  for (const line of trainingSummary(facts)) say(line)
  say(`model ${id} written to ${out}`)
  const report = join(out, REPORT_FILE)
  if (options.report !== false && existsSync(report)) say(`report: ${report} (open it in a browser)`)
}

function reportFacts(model: TrainedModel, { paths, log }: Input): ReportFacts {
  const templates = new Map(log?.drain.clusters().map(({ id, template }) => [id, template]))
  const lines = log && {
    numLines: log.numLines,
    numWithoutSession: log.numWithoutSession,
    numTemplates: log.drain.size,
    format: log.rules.format,
    sessionRule: describeSessionRule(log.rules.session),
  }
  return {
    version: packageVersion(),
    madeAt: new Date(),
    model,
    falseAlarmRate: defaultFalseAlarmRate(model),
    source: { paths, ...(lines && { lines }) },
    template: key => templates.get(key),
  }
}
