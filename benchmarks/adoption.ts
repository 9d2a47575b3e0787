import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { LinearRegex } from '../drain/regex/linear-regex.js'
import { StateDirectory } from '../plugin/adopt/state-directory.js'
import { chooseFormat } from '../plugin/cli/train.js'
import { readLines } from '../plugin/input/lines.js'
import { writeModel } from '../plugin/model.js'
import { createStage } from '../plugin/stage.js'
import { readTrainingLog } from '../plugin/training-log.js'
import { train } from '../scorer/train/train.js'

export interface AdoptionOptions {
  /** Raw lines in the order of time, plain or gzip. */
  readonly input: string
  /** Rows `session,label`, label 1 for anomalous, after one header; plain or gzip. */
  readonly labels: string
  readonly sessionRegex: string
  readonly format?: string
  /** Sessions, the first to begin, that train with all their lines; the others are judged. */
  readonly trainSessions: number
  /** Whether sessions labelled anomalous are kept out of training. */
  readonly clean?: boolean
  readonly seed: number
}

const NUM_PARTS = 4

/** A session that is judged, in the order of their beginnings. */
interface Judged {
  readonly isAnomalous: boolean
  isFlagged: boolean
}

interface Split {
  readonly training: readonly string[]
  readonly rest: readonly string[]
  /** Sessions of the rest by id. */
  readonly isAnomalous: ReadonlyMap<string, boolean>
}

/** What online adoption does to false positives and recall when a model has seen little: the same stream judged without and with it. */
export async function run(options: AdoptionOptions): Promise<Record<string, unknown>> {
  const split = await divide(options)
  const model = join(tmpdir(), `logneo-adoption-${process.pid}`)
  try {
    await trainOn(split.training, options, model)
    const without = await judge(split, model, false)
    const adopting = await judge(split, model, true)
    return {
      trainSessions: options.trainSessions,
      isClean: options.clean === true,
      recallLost: rounded(recall(without.sessions) - recall(adopting.sessions)),
      numAdopted: adopting.numAdopted,
      without: rows(without.sessions),
      adopting: rows(adopting.sessions),
    }
  } finally {
    await rm(model, { recursive: true, force: true })
  }
}

async function divide({
  input,
  labels,
  sessionRegex,
  trainSessions,
  clean,
}: AdoptionOptions): Promise<Split> {
  const regex = LinearRegex.compile(sessionRegex)
  const anomalous = await readLabels(labels)
  const places = new Map<string, number>()
  const training: string[] = []
  const rest: string[] = []
  for await (const line of readLines([input])) {
    const id = regex.extract(line)
    if (id === undefined) continue
    const place = places.get(id) ?? places.size
    places.set(id, place)
    if (place >= trainSessions) rest.push(line)
    else if (clean !== true || !anomalous.has(id)) training.push(line)
  }
  const judged = [...places].filter(([, place]) => place >= trainSessions)
  return { training, rest, isAnomalous: new Map(judged.map(([id]) => [id, anomalous.has(id)])) }
}

/** Ids labelled anomalous. */
async function readLabels(path: string): Promise<Set<string>> {
  const bytes = await readFile(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  const rows = text.split('\n').map(row => row.trim().split(','))
  return new Set(rows.filter(([, label]) => label === '1').map(([id]) => id!))
}

async function trainOn(
  lines: readonly string[],
  { input, format, sessionRegex, seed }: AdoptionOptions,
  path: string,
): Promise<void> {
  const log = await readTrainingLog(
    async function* () {
      yield* lines
    },
    {
      rules: {
        format: await chooseFormat([input], format),
        session: { kind: 'regex', pattern: sessionRegex },
      },
      drain: {},
      isComplete: true,
      seed,
    },
  )
  await writeModel(path, await train(log.sequences, { seed, trim: true }), log)
}

async function judge({ rest, isAnomalous }: Split, model: string, isAdopting: boolean) {
  const state = StateDirectory.open()
  const stage = await createStage({ model, ...(isAdopting && { state, adopt: {} }) })
  const sessions = new Map<string, Judged>()
  for (const [id, anomalous] of isAnomalous) sessions.set(id, { isAnomalous: anomalous, isFlagged: false })
  for await (const { logneo } of stage.processAll(rest, { complete: true })) {
    if ('kind' in logneo && logneo.anomaly) sessions.get(logneo.session)!.isFlagged = true
  }
  await stage.close()
  return { sessions: [...sessions.values()], numAdopted: state.adoptions.size }
}

/** One row a quarter of the sessions in the order they began, and one of all. */
function rows(sessions: readonly Judged[]) {
  const parts = Array.from({ length: NUM_PARTS }, (_, i) => {
    const at = (part: number): number => Math.floor((sessions.length * part) / NUM_PARTS)
    return [`quarter ${i + 1}`, sessions.slice(at(i), at(i + 1))] as const
  })
  return [...parts, ['all', sessions] as const].map(([part, those]) => {
    const normal = those.filter(({ isAnomalous }) => !isAnomalous)
    const falsePositives = normal.filter(({ isFlagged }) => isFlagged).length
    return {
      part,
      normal: normal.length,
      falsePositives,
      perThousand: rounded((1000 * falsePositives) / normal.length),
      abnormal: those.length - normal.length,
      recall: rounded(recall(those)),
    }
  })
}

function recall(sessions: readonly Judged[]): number {
  const abnormal = sessions.filter(({ isAnomalous }) => isAnomalous)
  return abnormal.filter(({ isFlagged }) => isFlagged).length / abnormal.length
}

function rounded(value: number): number {
  return Number(value.toFixed(4))
}
