import type { EpochRecord } from '../../scorer/trained-model.js'
import type { Point, Series } from './chart.js'
import { escapeHtml, type Html } from './html.js'
import { type Reinforcement, reinforcementOf } from './reinforcement.js'
import type { ReportData } from './report-data.js'
import { responsiveChart } from './responsive-chart.js'

/** A wider span of losses than this is shown on a log axis. */
const MAX_LINEAR_RATIO = 5

/** How training went: loss per epoch, and reward per step where there was reinforcement. */
export function learningSection({ model }: ReportData): Html {
  const { training } = model
  const series = lossSeries(training.epochs, training.foldEpochs)
  const losses = series.flatMap(({ points }) => points.map(([, loss]) => loss)).filter(loss => loss > 0)
  const isLog = Math.max(...losses) > MAX_LINEAR_RATIO * Math.min(...losses)
  const reinforcement = reinforcementOf(training)
  return `<section><h2>Learning</h2>
<p>The loss is the mean surprise of an event: 0.7 nats is a choice between two equally likely lines, 0 is certainty. Training loss falls with every pass over the sessions; the loss on sessions held out tells whether what was learnt holds for sessions the model has not seen. Where it rises again, training stops.</p>
${responsiveChart({
  title: 'Loss per epoch, in training and on sessions held out',
  x: { label: 'epoch', isCount: true },
  y: { label: `loss, nats per event${isLog ? ' (log scale)' : ''}`, isLog, ...(!isLog && { include: [0] }) },
  series,
})}
${reinforcement === undefined ? '' : rewardPart(reinforcement)}</section>`
}

/** The model kept, then the models that calibration rests on; with a single split they are one and the same. */
function lossSeries(epochs: readonly EpochRecord[], folds: readonly (readonly EpochRecord[])[]): Series[] {
  const pointsOf = (
    records: readonly EpochRecord[],
    pick: (record: EpochRecord) => number | undefined,
  ): Point[] => records.map((record, i) => [i + 1, pick(record) ?? Number.NaN])
  return [
    { name: 'training', points: pointsOf(epochs, ({ trainingLoss }) => trainingLoss) },
    ...folds.map((records, fold) => ({
      name: partName(folds.length, fold),
      points: pointsOf(records, ({ validationLoss }) => validationLoss),
    })),
  ]
}

function partName(numFolds: number, fold: number): string {
  return numFolds === 1 ? 'held out' : `held out, part ${fold + 1}`
}

function rewardPart({ method, model, folds }: Reinforcement): Html {
  const missRates = folds.map(({ steps }) =>
    steps.flatMap(({ step, topKMissRate }): Point[] =>
      topKMissRate === undefined ? [] : [[step, topKMissRate]],
    ),
  )
  const reward = responsiveChart({
    title: 'Reward per step of reinforcement',
    x: { label: 'step' },
    y: { label: 'mean reward' },
    series: [{ name: '', points: model.steps.map(({ step, reward }) => [step, reward]) }],
  })
  const missed = responsiveChart({
    title: 'Share of held-out events outside the K likeliest',
    x: { label: 'step' },
    y: { label: 'held-out events outside the K likeliest, share', include: [0] },
    series: missRates.map((points, fold) => ({
      name: partName(folds.length, fold),
      points,
      colour: fold + 1,
    })),
  })
  return `<h3>Reinforcement (${escapeHtml(method)})</h3>
<p>The reward says how well the likeliest keys agree with what came next; it should rise and then level off.</p>
${reward}${missRates.every(points => points.length === 0) ? '' : missed}`
}
