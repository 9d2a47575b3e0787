import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Evaluation } from '../plugin/evaluation.js'
import { type ReinforcementOptions, TAIL_REINFORCEMENT } from '../scorer/train/rl/options.js'
import { type MleResults, train } from '../scorer/train/train.js'
import type { TrainedModel } from '../scorer/trained-model.js'
import { Checkpoints } from './reinforcement/checkpoints.js'
import {
  type Dynamics,
  dynamicsCharts,
  type SensitivityPoint,
  sensitivityCharts,
} from './reinforcement/figures.js'
import { judgeAll } from './reinforcement/judged.js'
import { METHODS, tailWith } from './reinforcement/methods.js'
import { givenSessions, type LabelledSessions, recordedSessions } from './reinforcement/sessions.js'
import { groupBy, mean, standardDeviation } from './statistics.js'
import { svgCharts } from './svg-chart.js'

export interface ReinforcementBenchOptions {
  readonly train?: readonly string[]
  readonly normal?: readonly string[]
  readonly abnormal?: readonly string[]
  readonly normalPopulation?: number
  readonly seeds: readonly number[]
  /** Folder that keeps the models of maximum likelihood for further runs. */
  readonly checkpoints?: string
  /** Folder for the figures; they take ten more trainings with each of two seeds. */
  readonly figures?: string
}

/** One method with one seed, judged one way. */
interface Trial {
  readonly decision: string
  readonly method: string
  readonly seed: number
  readonly evaluation: Evaluation
}

const DECAYS = [0.5, 0.8, 0.9, 0.95, 1]
const BETAS = [0, 0.05, 0.1, 0.2, 0.5]
const SENSITIVITY_DECISION = 'rate .002'
/** Seeds that other settings are tried with: ten trainings each. */
const NUM_SENSITIVITY_SEEDS = 2

/**
 * Maximum likelihood against each way to reinforce it, over seeds, judged by the language model alone. With one seed all methods start from the
 * same models of maximum likelihood, those that calibration rests on included.
 */
export async function run(options: ReinforcementBenchOptions): Promise<Record<string, unknown>> {
  const sessions = await sessionsOf(options)
  const checkpoints =
    options.checkpoints === undefined ? undefined : new Checkpoints(options.checkpoints, sessions.training)
  const trials: Trial[] = []
  const dynamics: Dynamics[] = []
  const points: (SensitivityPoint & { readonly seed: number })[] = []
  for (const [i, seed] of options.seeds.entries()) {
    const mle = (await checkpoints?.read(seed)) ?? []
    for (const { name: method, reinforcement } of METHODS) {
      const model = await train(sessions.training, { seed, reinforcement }, undefined, mle)
      trials.push(...(await tryOut(model, sessions, method, seed)))
      if (reinforcement === 'none') await checkpoints?.write(seed, mle)
      if (i === 0) dynamics.push({ method, training: model.training })
    }
    if (options.figures !== undefined && i < NUM_SENSITIVITY_SEEDS)
      points.push(...(await sensitivity(sessions, seed, mle)))
  }
  const averaged = averagePoints(points)
  if (options.figures !== undefined) await drawFigures(options.figures, dynamics, averaged)
  return {
    data: sessions.name,
    seeds: options.seeds,
    rows: summarise(trials),
    trials: trials.map(({ evaluation, ...trial }) => ({ ...trial, ...figures(evaluation) })),
    ...(averaged.length > 0 && { sensitivity: averaged }),
  }
}

async function sessionsOf(options: ReinforcementBenchOptions): Promise<LabelledSessions> {
  const { train, normal, abnormal, normalPopulation } = options
  if (train === undefined) return recordedSessions()
  if (normal === undefined || abnormal === undefined) {
    throw new RangeError('--train goes with --normal and --abnormal')
  }
  return givenSessions({
    train,
    normal,
    abnormal,
    ...(normalPopulation !== undefined && { normalPopulation }),
  })
}

async function tryOut(
  model: TrainedModel,
  sessions: LabelledSessions,
  method: string,
  seed: number,
): Promise<Trial[]> {
  const evaluations = await judgeAll(model, sessions)
  return Object.entries(evaluations).map(([decision, evaluation]) => {
    const { f1, rocAuc, prAuc } = figures(evaluation)
    process.stderr.write(
      `${sessions.name}, seed ${seed}, ${method}, ${decision}: F1 ${f1} ROC-AUC ${rocAuc} PR-AUC ${prAuc}\n`,
    )
    return { decision, method, seed, evaluation }
  })
}

/** The reward of the tail with other b and beta. */
async function sensitivity(sessions: LabelledSessions, seed: number, mle: MleResults) {
  const settings: { setting: 'b' | 'beta'; value: number; reinforcement: ReinforcementOptions }[] = [
    ...DECAYS.map(decay => ({ setting: 'b' as const, value: decay, reinforcement: tailWith({ decay }) })),
    ...BETAS.map(beta => ({
      setting: 'beta' as const,
      value: beta,
      reinforcement: { ...TAIL_REINFORCEMENT, crossEntropyCoef: beta },
    })),
  ]
  const points = []
  for (const { setting, value, reinforcement } of settings) {
    const model = await train(sessions.training, { seed, reinforcement }, undefined, mle)
    const { f1, prAuc } = (await judgeAll(model, sessions))[SENSITIVITY_DECISION]!
    process.stderr.write(
      `seed ${seed}, ${setting} ${value}: F1 ${f1.toFixed(4)} PR-AUC ${prAuc.toFixed(4)}\n`,
    )
    points.push({ setting, value, seed, f1, prAuc })
  }
  return points
}

function averagePoints(points: readonly SensitivityPoint[]): SensitivityPoint[] {
  return groupBy(points, ({ setting, value }) => `${setting} ${value}`).map(group => ({
    setting: group[0]!.setting,
    value: group[0]!.value,
    f1: rounded(mean(group.map(({ f1 }) => f1))),
    prAuc: rounded(mean(group.map(({ prAuc }) => prAuc))),
  }))
}

async function drawFigures(
  folder: string,
  dynamics: readonly Dynamics[],
  points: readonly SensitivityPoint[],
): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [name, charts] of Object.entries({
    'reinforcement-dynamics': dynamicsCharts(dynamics),
    'reinforcement-sensitivity': sensitivityCharts(points),
  })) {
    await writeFile(join(folder, `${name}.svg`), svgCharts(charts))
    await writeFile(join(folder, `${name}.json`), `${JSON.stringify(charts, significant, 1)}\n`)
  }
}

function significant(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value
}

function figures({ precision, recall, f1, rocAuc, prAuc, truePositives, falsePositives }: Evaluation) {
  return {
    precision: rounded(precision),
    recall: rounded(recall),
    f1: rounded(f1),
    rocAuc: rounded(rocAuc),
    prAuc: rounded(prAuc),
    truePositives,
    falsePositives,
  }
}

/** Means over seeds, F1 and PR-AUC with their spread: the standard deviation over seeds. */
function summarise(trials: readonly Trial[]): Record<string, unknown>[] {
  return groupBy(trials, ({ decision, method }) => `${decision} ${method}`).map(group => {
    const of = (name: 'precision' | 'recall' | 'f1' | 'rocAuc' | 'prAuc'): number[] =>
      group.map(({ evaluation }) => evaluation[name])
    const { decision, method } = group[0]!
    return {
      decision,
      method,
      precision: rounded(mean(of('precision'))),
      recall: rounded(mean(of('recall'))),
      f1: rounded(mean(of('f1'))),
      f1Spread: rounded(standardDeviation(of('f1'))),
      rocAuc: rounded(mean(of('rocAuc'))),
      prAuc: rounded(mean(of('prAuc'))),
      prAucSpread: rounded(standardDeviation(of('prAuc'))),
    }
  })
}

function rounded(value: number): number {
  return Number(value.toFixed(4))
}
