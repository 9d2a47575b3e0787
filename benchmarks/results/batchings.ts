import { openRecording, recordedLines } from '../../plugin/cli/demo-recording.js'
import { readLineModel } from '../../plugin/model.js'
import { judgeSessions, scoreSessions } from '../../plugin/offline-sessions.js'
import { createStage, type TaggedRecord } from '../../plugin/stage.js'
import type { JudgeOptions } from '../../scorer/judge.js'
import { OfflineJudge } from '../../scorer/offline-judge.js'
import { UNKNOWN } from '../../scorer/vocabulary.js'
import { replayed, trainedOnLines } from './lines.js'
import { recordingReading } from './recording.js'
import { type Section, table } from './section.js'

const LINES_PER_CALL = [1, 7, 100, 2000]
/** Lines after the beginning of the faults. */
const NUM_LINES = 20_000

/** What looks at keys alone, as `evaluate` does. */
const OF_KEYS: JudgeOptions = {
  detectors: ['next-key', 'session-end', 'key-set', 'count-order', 'count-vector'],
}

/** How two ways of judging the same differ. */
interface Difference {
  readonly name: string
  readonly numCompared: number
  /** Flags or reasons that are not the same. */
  readonly numUnequal: number
  readonly largestScoreDifference: number
}

/** The recording's second part in several batchings, line by line against all at once, and its sessions against offline judging. */
export async function batchingSection(seed: number): Promise<Section> {
  const recording = await openRecording()
  const from = recording.numTrainingLines
  const source = (): AsyncGenerator<string> => recordedLines(recording, 0, from)
  const { path } = await trainedOnLines(source, recordingReading(recording), { isTrimmed: true, seed })
  const replay = async (linesPerCall: number, detect: JudgeOptions = {}): Promise<TaggedRecord[]> => {
    const stage = await createStage({ model: path, fields: 'full', detect })
    const records = []
    const lines = recordedLines(recording, from, from + NUM_LINES)
    for await (const record of replayed(stage, lines, linesPerCall)) records.push(record)
    await stage.close()
    return records
  }
  const atOnce = await replay(NUM_LINES)
  const differences = [await againstOffline(path, await replay(NUM_LINES, OF_KEYS))]
  for (const linesPerCall of LINES_PER_CALL) {
    const name = `calls of ${linesPerCall} ${linesPerCall === 1 ? 'line' : 'lines'}`
    differences.push(compare(name, verdicts(atOnce), verdicts(await replay(linesPerCall))))
  }
  return describe(differences)
}

/** What two verdicts must agree in. */
interface Essence {
  readonly isFlagged: boolean
  readonly reasons: readonly string[]
  readonly score: number
}

function verdicts(records: readonly TaggedRecord[]): Essence[] {
  return records.map(({ logneo }) => ({
    isFlagged: logneo.anomaly === true,
    reasons: logneo.reasons ?? [],
    score: logneo.score ?? 0,
  }))
}

/**
 * Live summaries of sessions, against the same sessions judged whole. Those still open when the lines stop are left out: where they had not been
 * quiet for long their end was not judged. And those with lines of new kinds: the level of such a line counts too, and rows of keys have none.
 */
async function againstOffline(path: string, records: readonly TaggedRecord[]): Promise<Difference> {
  const { bundle } = await readLineModel(path)
  const keys = new Map<string, string[]>()
  const live = new Map<string, Essence>()
  for (const { logneo } of records) {
    if ('kind' in logneo) {
      if (logneo.closed === 'complete') continue
      live.set(logneo.session, { isFlagged: logneo.anomaly, reasons: logneo.reasons, score: logneo.score })
    } else if (logneo.session !== undefined) {
      const soFar = keys.get(logneo.session) ?? []
      keys.set(logneo.session, soFar)
      soFar.push(logneo.template_id ?? '')
    }
  }
  const sessions = [...keys].filter(
    ([session, own]) => live.has(session) && own.every(key => bundle.vocabulary.id(key) !== UNKNOWN),
  )
  const scored = await scoreSessions(
    bundle,
    sessions.map(([, session]) => ({ keys: session })),
  )
  const offline = judgeSessions(new OfflineJudge(bundle, OF_KEYS), scored).map(
    ({ isFlagged, score, reasons }) => ({
      isFlagged,
      score,
      reasons: [...reasons],
    }),
  )
  return compare(
    'sessions offline',
    sessions.map(([session]) => live.get(session)!),
    offline,
  )
}

function compare(name: string, expected: readonly Essence[], found: readonly Essence[]): Difference {
  const sorted = ({ reasons }: Essence): string => [...reasons].sort().join()
  const isUnequal = (one: Essence, other: Essence | undefined): boolean =>
    one.isFlagged !== other?.isFlagged || sorted(one) !== sorted(other)
  return {
    name,
    numCompared: expected.length,
    numUnequal: expected.filter((one, i) => isUnequal(one, found[i])).length,
    largestScoreDifference: expected.reduce(
      (largest, one, i) => Math.max(largest, Math.abs(one.score - (found[i]?.score ?? 0))),
      0,
    ),
  }
}

function describe(differences: readonly Difference[]): Section {
  const text = `${NUM_LINES} lines of the recording's second part, judged all in one call, and the same in calls of other sizes: verdicts and
summaries compared one by one. Sessions that ended, without lines of new kinds, were also judged offline, each as a whole, as
\`evaluate\` does with rows of keys: by ${OF_KEYS.detectors?.join(', ')}.

${table(
  ['against one call', 'compared', 'flags or reasons unequal', 'largest difference of scores'],
  differences.map(one => [
    one.name,
    one.numCompared,
    one.numUnequal,
    one.largestScoreDifference.toExponential(1),
  ]),
)}`
  return { name: 'batchings', title: 'Streaming against offline', text, figures: { differences } }
}
