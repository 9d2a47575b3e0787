import { Random } from '../../scorer/random.js'
import { findOutliers } from '../../scorer/train/trim.js'
import { ended, type HdfsData, LabelledScores } from './hdfs-data.js'
import { trainedOn } from './model-cache.js'
import { percent, type Section, spread, table } from './section.js'

const SHARES = [0, 0.01, 0.03, 0.05]
const NUM_SEEDS = 3

interface DirtyRun {
  readonly share: number
  readonly seed: number
  readonly isTrimmed: boolean
  readonly numAnomalies: number
  readonly numAnomaliesTrimmed: number
  readonly numNormalTrimmed: number
  readonly f1: number
  readonly recall: number
  readonly falsePositives: number
}

/** HDFS with anomalies among the training sessions, trimmed and, for comparison, as they are. */
export async function contaminationSection(data: HdfsData, numSeeds: number): Promise<Section> {
  const runs: DirtyRun[] = []
  for (const share of SHARES) {
    for (let seed = 1; seed <= Math.min(NUM_SEEDS, numSeeds); seed++)
      runs.push(await dirtyRun(data, share, seed, true))
    runs.push(await dirtyRun(data, share, 1, false))
  }
  const rows = SHARES.flatMap(share => [
    row(runs.filter(run => run.share === share && run.isTrimmed)),
    row(runs.filter(run => run.share === share && !run.isTrimmed)),
  ])
  const text = `The training sessions with anomalies drawn from those to be judged, which are then left out of judging; means over ${Math.min(NUM_SEEDS, numSeeds)}
draws and seeds with trimming (\`--trim\`, the default on raw lines), one without.

${table(['anomalies', 'trimmed', 'anomalies trimmed', 'normal trimmed', 'F1', 'worst', 'recall', 'normal flagged'], rows)}

What a log does as seldom as its anomalies is trimmed with them and flagged thereafter: that is the price in false alarms. The
limits in \`scorer/train/trim.ts\` were set on clean and contaminated parts of these files and on clean parts of BGL and the
PostgreSQL recording, so judge them by other logs too.`
  return { name: 'contamination', title: 'HDFS: anomalies in the training log', text, figures: { runs } }
}

async function dirtyRun(data: HdfsData, share: number, seed: number, isTrimmed: boolean): Promise<DirtyRun> {
  const drawn = new Random(seed).shuffle([...data.abnormal])
  const numAnomalies = Math.round((share / (1 - share)) * data.training.length)
  const dirty = ended([...data.training, ...drawn.slice(0, numAnomalies)])
  const outliers = isTrimmed ? findOutliers(dirty) : new Set<number>()
  const numNormalTrimmed = [...outliers].filter(i => i < data.training.length).length
  const { bundle } = await trainedOn(dirty, { seed, trim: isTrimmed })
  const scores = await LabelledScores.of(bundle, { ...data, abnormal: drawn.slice(numAnomalies) })
  const { f1, recall, falsePositives } = scores.evaluate()
  return {
    share,
    seed,
    isTrimmed,
    numAnomalies,
    numAnomaliesTrimmed: outliers.size - numNormalTrimmed,
    numNormalTrimmed,
    f1,
    recall,
    falsePositives,
  }
}

function row(runs: readonly DirtyRun[]): (string | number)[] {
  const { share, isTrimmed, numAnomalies } = runs[0]!
  const mean = (pick: (run: DirtyRun) => number): number => spread(runs.map(pick)).mean
  return [
    percent(share, 0),
    isTrimmed ? 'yes' : 'no',
    `${mean(run => run.numAnomaliesTrimmed).toFixed(1)} of ${numAnomalies}`,
    mean(run => run.numNormalTrimmed).toFixed(1),
    mean(run => run.f1).toFixed(4),
    spread(runs.map(({ f1 }) => f1)).worst.toFixed(4),
    mean(run => run.recall).toFixed(4),
    mean(run => run.falsePositives).toFixed(1),
  ]
}
