import type { Evaluation } from '../../plugin/evaluation.js'
import { ended, type HdfsData, LabelledScores, sample } from './hdfs-data.js'
import { trainedOn } from './model-cache.js'
import { RATE_COLUMNS, RATES, type RateCheck, rateCheck, rateRows } from './rate-check.js'
import { percent, type Section, spread, table } from './section.js'

const SUBSET = 0.8
const LANGUAGE_MODEL = ['next-key', 'unseen-key', 'session-end'] as const
const MEASURES = ['precision', 'recall', 'f1', 'rocAuc', 'prAuc'] as const
type Measure = (typeof MEASURES)[number]

/** What one training reaches. */
interface Run {
  readonly seed: number
  readonly numCalibrated: number
  /** Normal sessions judged. */
  readonly numNormal: number
  readonly atDefaults: Evaluation
  readonly languageModel: Evaluation
  readonly byRate: readonly RateCheck[]
}

/** All that is measured on the HDFS files: trainings on random parts of the training file, and on the whole of it. */
export async function hdfsSections(data: HdfsData, numSeeds: number): Promise<Section[]> {
  const seeds = Array.from({ length: numSeeds }, (_, i) => i + 1)
  const subsets: Run[] = []
  const whole: Run[] = []
  for (const seed of seeds) subsets.push(await run(data, SUBSET, seed))
  for (const seed of seeds) whole.push(await run(data, 1, seed))
  const redrawn: Run[] = []
  for (const seed of seeds) redrawn.push(await run(redraw(data, seed), 1, seed))
  return [accuracy(data, subsets, whole), languageModel(subsets, whole), rates({ subsets, whole, redrawn })]
}

/** As many of the judged normal sessions train as in the training file, the others are judged: all of them are drawn alike. */
function redraw(data: HdfsData, seed: number): HdfsData {
  const training = sample(data.normal, data.training.length / data.normal.length, seed)
  const taken = new Set(training)
  return { ...data, training, normal: data.normal.filter(row => !taken.has(row)) }
}

async function run(data: HdfsData, share: number, seed: number): Promise<Run> {
  const rows = share === 1 ? data.training : sample(data.training, share, seed)
  const { bundle } = await trainedOn(ended(rows), { seed })
  const scores = await LabelledScores.of(bundle, data)
  const numCalibrated = bundle.validation.numSessions
  return {
    seed,
    numCalibrated,
    numNormal: data.normal.length,
    atDefaults: scores.evaluate(),
    languageModel: scores.evaluate({ detectors: LANGUAGE_MODEL }),
    byRate: RATES.map(rate => rateCheck(rate, scores.evaluate({ falseAlarmRate: rate }), numCalibrated)),
  }
}

function accuracy(data: HdfsData, subsets: readonly Run[], whole: readonly Run[]): Section {
  const [parts, all] = [subsets.map(one => one.atDefaults), whole.map(one => one.atDefaults)]
  const early = all.flatMap(evaluation => evaluation.early ?? [])
  const mean = (values: readonly number[]): number => spread(values).mean
  const text = `Trained on ${data.training.length} normal sessions, judged on ${data.normal.length} other normal ones and ${data.abnormal.length} anomalies; false
positives are scaled to ${data.normalPopulation} normal sessions. ${counted(subsets)} of random parts with ${percent(SUBSET, 0)} of the training
sessions, and ${counted(whole)} of all of them, each with a seed of its own; mean ± standard deviation, and the worst.

${comparison(parts, all)}

Flagged early: of the anomalies caught, ${percent(mean(early.map(one => one.shareBeforeEnd)), 1)} before their last event, and half of
those with at most ${percent(mean(early.map(one => one.medianShareSeen)), 1)} of the session seen (means over the trainings on all).`
  return { name: 'hdfs', title: 'HDFS', text, figures: { subsets: perSeed(subsets), whole: perSeed(whole) } }
}

function counted(runs: readonly Run[]): string {
  return runs.length === 1 ? '1 training' : `${runs.length} trainings`
}

function comparison(parts: readonly Evaluation[], all: readonly Evaluation[]): string {
  const names: Record<Measure, string> = {
    precision: 'precision',
    recall: 'recall',
    f1: 'F1',
    rocAuc: 'ROC-AUC',
    prAuc: 'PR-AUC',
  }
  const cells = (evaluations: readonly Evaluation[], measure: Measure): string[] => {
    const { mean, deviation, worst } = spread(evaluations.map(evaluation => evaluation[measure]))
    return [`${mean.toFixed(4)} ± ${deviation.toFixed(4)}`, worst.toFixed(4)]
  }
  return table(
    ['', `parts of ${percent(SUBSET, 0)}`, 'worst', 'all', 'worst'],
    MEASURES.map(measure => [names[measure], ...cells(parts, measure), ...cells(all, measure)]),
  )
}

function perSeed(runs: readonly Run[]) {
  return runs.map(({ seed, numCalibrated, atDefaults }) => ({ seed, numCalibrated, ...atDefaults }))
}

function languageModel(subsets: readonly Run[], whole: readonly Run[]): Section {
  const text = `The same trainings with the detectors of the sequence alone (\`--detectors ${LANGUAGE_MODEL.join(',')}\`): what the
network says with counts mixed in, whatever sessions are made of.

${comparison(
  subsets.map(one => one.languageModel),
  whole.map(one => one.languageModel),
)}`
  const figures = (runs: readonly Run[]) => runs.map(one => ({ seed: one.seed, ...one.languageModel }))
  return {
    name: 'language-model',
    title: 'HDFS: the language model alone',
    text,
    figures: { subsets: figures(subsets), whole: figures(whole) },
  }
}

function rates(runs: Readonly<Record<'subsets' | 'whole' | 'redrawn', readonly Run[]>>): Section {
  const rows = (runs: readonly Run[], name: string): string[][] =>
    rateRows(runs.map(({ byRate }) => byRate)).map(row => [name, String(runs[0]!.numNormal), ...row])
  const text = `How many normal sessions are flagged at a false-alarm rate, by seed, against the 95 % interval that follows from the sizes
of both samples, calibration and judged (beta-binomial); and the mean recall on the anomalies. The interval takes the judged
sessions to be drawn like those of training. Those of the last rows are: random sessions of the judged file train there, as
many as the training file has, and the rest are judged. The trainings on all share their sessions, and parts most of them, so
that their five counts are little more than one draw.

${table(
  ['trained on', 'judged', ...RATE_COLUMNS],
  [
    ...rows(runs.subsets, `parts of ${percent(SUBSET, 0)}`),
    ...rows(runs.whole, 'all'),
    ...rows(runs.redrawn, 'redrawn'),
  ],
)}`
  const figures = (runs: readonly Run[]) => runs.map(({ seed, byRate }) => ({ seed, byRate }))
  return {
    name: 'false-alarms',
    title: 'HDFS: false alarms as asked',
    text,
    figures: {
      subsets: figures(runs.subsets),
      whole: figures(runs.whole),
      redrawn: figures(runs.redrawn),
    },
  }
}
