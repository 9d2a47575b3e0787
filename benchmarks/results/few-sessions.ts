import { openRecording, type Recording, recordedLines } from '../../plugin/cli/demo-recording.js'
import { type Model, readModel } from '../../plugin/model.js'
import { defaultFalseAlarmRate } from '../../scorer/judge.js'
import { ended, type HdfsData, LabelledScores, sample } from './hdfs-data.js'
import { summaries, trainedOnLines } from './lines.js'
import { trainedOn } from './model-cache.js'
import { evaluateRecording, recordingReading } from './recording.js'
import { type Section, spread, table } from './section.js'

const NUM_SESSIONS = [300, 600, 1000, 2000]
const NUM_LINES = [6000, 12_000, 24_000, Number.POSITIVE_INFINITY]
const NUM_SEEDS = 3
const SEED = 42
/** Validation sessions that vouch for a rate, the one judged among them. */
const VOUCHERS = [2, 4, 8]

interface FewRun {
  readonly data: 'HDFS' | 'recording'
  readonly numSessions: number
  readonly seed: number
  readonly byRate: readonly { readonly rate: number; readonly f1: number; readonly recall: number }[]
}

/** What is left of accuracy where few sessions train, by the false-alarm rate: what the default rate rests on. */
export async function fewSessionsSection(data: HdfsData, numSeeds: number): Promise<Section> {
  const runs: FewRun[] = []
  for (const numSessions of NUM_SESSIONS)
    for (let seed = 1; seed <= Math.min(NUM_SEEDS, numSeeds); seed++)
      runs.push(await hdfsRun(data, numSessions, seed))
  const recording = await openRecording()
  for (const numLines of NUM_LINES) runs.push(await recordingRun(recording, numLines))
  const text = `Random parts of the HDFS training file (means over ${Math.min(NUM_SEEDS, numSeeds)} draws and seeds) and first parts of the PostgreSQL recording
(one seed). In each cell F1 and recall at a false-alarm rate: 0.001; rates for which 2, 4 or 8 of the sessions vouch, that is
so many in as many as there were; and the default, which is 4 in all, but 0.001 at the least and 0.02 at most.

${table(
  ['', 'sessions', '0.001', ...VOUCHERS.map(count => `${count} in all`), 'default'],
  grouped(runs).map(group => [
    group[0]!.data,
    group[0]!.numSessions,
    ...group[0]!.byRate.map((_, i) => {
      const mean = (pick: (run: FewRun) => number): string => spread(group.map(pick)).mean.toFixed(3)
      return `${mean(run => run.byRate[i]!.f1)}, ${mean(run => run.byRate[i]!.recall)}`
    }),
  ]),
)}

Finer rates than four sessions vouch for rest on a tail that is fitted to what lies below, and fitted so that it rather asks
for too much.`
  return { name: 'few-sessions', title: 'Few sessions to train on', text, figures: { runs } }
}

function ratesFor({ bundle }: Pick<Model, 'bundle'>): number[] {
  const { numSessions } = bundle.validation
  return [0.001, ...VOUCHERS.map(count => count / (numSessions + 1)), defaultFalseAlarmRate(bundle)]
}

async function hdfsRun(data: HdfsData, numSessions: number, seed: number): Promise<FewRun> {
  const rows = sample(data.training, numSessions / data.training.length, seed)
  const model = await trainedOn(ended(rows), { seed })
  const scores = await LabelledScores.of(model.bundle, data)
  const byRate = ratesFor(model).map(rate => {
    const { f1, recall } = scores.evaluate({ falseAlarmRate: rate })
    return { rate, f1, recall }
  })
  return { data: 'HDFS', numSessions, seed, byRate }
}

async function recordingRun(recording: Recording, numLines: number): Promise<FewRun> {
  const numTraining = Math.min(numLines, recording.numTrainingLines)
  const source = (): AsyncGenerator<string> => recordedLines(recording, 0, numTraining)
  const reading = recordingReading(recording)
  const { path, numSessions } = await trainedOnLines(source, reading, { isTrimmed: true, seed: SEED })
  const byRate = []
  for (const rate of ratesFor(await readModel(path))) {
    const rest = recordedLines(recording, recording.numTrainingLines, Number.POSITIVE_INFINITY)
    const judged = await summaries(path, rest, { falseAlarmRate: rate })
    const { f1, recall } = evaluateRecording(recording, judged)
    byRate.push({ rate, f1, recall })
  }
  return { data: 'recording', numSessions, seed: SEED, byRate }
}

/** Runs of the same data and size together. */
function grouped(runs: readonly FewRun[]): FewRun[][] {
  const groups = new Map<string, FewRun[]>()
  for (const run of runs) {
    const name = `${run.data} ${run.numSessions}`
    groups.set(name, [...(groups.get(name) ?? []), run])
  }
  return [...groups.values()]
}
