import type { Chart, Series } from '../../plugin/report/chart.js'
import type { ReinforcementStep, TrainingRecord } from '../../scorer/trained-model.js'
import { groupBy, mean } from '../statistics.js'

/** Training of one model by one method. */
export interface Dynamics {
  readonly method: string
  readonly training: TrainingRecord
}

/** One training with another setting. */
export interface Trial {
  readonly setting: 'b' | 'beta'
  readonly value: number
  readonly seed: number
  readonly f1: number
  readonly prAuc: number
}

/** Pixels; several charts stand below each other. */
const HEIGHT = 240

/** Steps averaged into one point of a curve: single batches are noisy. */
const SMOOTHING = 10

/** The paper's Fig. 3: what happens during training. Loss by epoch of maximum likelihood; reward, KL, entropy and miss rate by step. */
export function dynamicsCharts(dynamics: readonly Dynamics[]): Chart[] {
  const folds = dynamics[0]!.training.foldEpochs
  const curve = (
    name: string,
    figureOf: (epoch: (typeof folds)[number][number]) => number | undefined,
  ): Series => ({
    name,
    points: folds[0]!.map((epoch, i) => [i + 1, figureOf(epoch) ?? 0] as const),
  })
  const byStep = (
    title: string,
    yLabel: string,
    figureOf: (step: ReinforcementStep) => number | undefined,
  ): Chart => ({
    title,
    height: HEIGHT,
    x: { label: 'step', isCount: true },
    y: { label: yLabel },
    series: dynamics.flatMap(({ method, training }) => {
      const steps = training.reinforcement?.folds[0]?.steps
      return steps === undefined ? [] : [{ name: method, points: smoothed(steps, figureOf) }]
    }),
  })
  return [
    {
      title: 'Maximum likelihood',
      height: HEIGHT,
      x: { label: 'epoch', isCount: true },
      y: { label: 'loss (nats)' },
      series: [
        curve('training', ({ trainingLoss }) => trainingLoss),
        curve('held out', ({ validationLoss }) => validationLoss),
      ],
    },
    byStep('Reward', 'reward', ({ reward }) => reward),
    byStep('KL of the new policy from the old one', 'nats', ({ approxKl }) => approxKl),
    byStep('Entropy', 'nats', ({ entropy }) => entropy),
    byStep('Held-out keys that are not among the K likeliest', 'share', ({ topKMissRate }) => topKMissRate),
  ]
}

/** The paper's Fig. 4: F1 and PR-AUC by b and by beta. */
export function sensitivityCharts(trials: readonly Trial[]): Chart[] {
  return (['b', 'beta'] as const).map(setting => {
    const own = trials.filter(trial => trial.setting === setting)
    const values = groupBy(own, ({ value }) => String(value))
    const curve = (name: string, figureOf: (trial: Trial) => number): Series => ({
      name,
      points: values.map(group => [group[0]!.value, mean(group.map(figureOf))] as const),
    })
    return {
      title: `Sensitivity to ${setting}`,
      height: HEIGHT,
      x: { label: setting },
      y: { label: describeSeeds(new Set(own.map(({ seed }) => seed)).size) },
      series: [curve('F1', ({ f1 }) => f1), curve('PR-AUC', ({ prAuc }) => prAuc)],
    }
  })
}

function describeSeeds(numSeeds: number): string {
  return numSeeds === 1 ? 'score, of one seed' : `score, mean over ${numSeeds} seeds`
}

/** Means over SMOOTHING neighbours; where only some steps have a value, those. */
function smoothed(
  steps: readonly ReinforcementStep[],
  figureOf: (step: ReinforcementStep) => number | undefined,
): Series['points'] {
  const known = steps.flatMap(step => {
    const value = figureOf(step)
    return value === undefined ? [] : [[step.step, value] as const]
  })
  if (known.length < steps.length) return known
  const numPoints = Math.ceil(known.length / SMOOTHING)
  return Array.from({ length: numPoints }, (_, i) => {
    const group = known.slice(i * SMOOTHING, (i + 1) * SMOOTHING)
    return [group[0]![0], group.reduce((sum, [, value]) => sum + value, 0) / group.length] as const
  })
}
