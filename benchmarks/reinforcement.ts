import type { Evaluation } from '../plugin/evaluation.js'
import { train } from '../scorer/train/train.js'
import { Checkpoints } from './reinforcement/checkpoints.js'
import { judgeAll } from './reinforcement/judged.js'
import { METHODS } from './reinforcement/methods.js'
import { type SessionOptions, sessionsOf } from './reinforcement/sessions.js'
import { groupBy, mean, standardDeviation } from './statistics.js'

export interface ReinforcementBenchOptions extends SessionOptions {
  readonly seeds: readonly number[]
  /** Names of METHODS; all of them by default. */
  readonly methods?: readonly string[]
  /** Folder that keeps the models of maximum likelihood for further runs. */
  readonly checkpoints?: string
}

/** One method with one seed, judged one way. */
interface Trial {
  readonly decision: string
  readonly method: string
  readonly seed: number
  readonly evaluation: Evaluation
}

/**
 * Maximum likelihood against each way to reinforce it, over seeds, judged by the language model alone. With one seed all methods start from the
 * same models of maximum likelihood, those that calibration rests on included.
 */
export async function run(options: ReinforcementBenchOptions): Promise<Record<string, unknown>> {
  const sessions = await sessionsOf(options)
  const checkpoints = new Checkpoints(options.checkpoints, sessions.training)
  const methods = METHODS.filter(({ name }) => options.methods?.includes(name) ?? true)
  const trials: Trial[] = []
  for (const seed of options.seeds) {
    const mle = await checkpoints.read(seed)
    for (const { name: method, reinforcement } of methods) {
      const model = await train(sessions.training, { seed, reinforcement }, undefined, mle)
      await checkpoints.write(seed, mle)
      for (const [decision, evaluation] of Object.entries(await judgeAll(model, sessions))) {
        trials.push({ decision, method, seed, evaluation })
        const { f1, prAuc } = figures(evaluation)
        process.stderr.write(
          `${sessions.name}, seed ${seed}, ${method}, ${decision}: F1 ${f1} PR-AUC ${prAuc}\n`,
        )
      }
    }
  }
  return {
    data: sessions.name,
    seeds: options.seeds,
    rows: summarise(trials),
    trials: trials.map(({ evaluation, ...trial }) => ({ ...trial, ...figures(evaluation) })),
  }
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
