import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Chart } from '../plugin/report/chart.js'
import { chartFile } from '../plugin/report/chart-file.js'
import { type ReinforcementOptions, TAIL_REINFORCEMENT } from '../scorer/train/rl/options.js'
import { type MleResults, train } from '../scorer/train/train.js'
import { type Dynamics, dynamicsCharts, sensitivityCharts, type Trial } from './reinforcement/charts.js'
import { Checkpoints } from './reinforcement/checkpoints.js'
import { judgeAll } from './reinforcement/judged.js'
import { METHODS, tailWith } from './reinforcement/methods.js'
import { type LabelledSessions, sessionsOf } from './reinforcement/sessions.js'
import type { ReinforcementBenchOptions } from './reinforcement.js'

const DECAYS = [0.5, 0.8, 0.9, 1]
const BETAS = [0, 0.05, 0.1, 0.2, 0.5]
const DECISION = 'rate .002'

export interface ReinforcementFigureOptions extends ReinforcementBenchOptions {
  /** Folder for the figures. */
  readonly out: string
}

/** Draws the paper's Fig. 3 and 4 anew, as SVG and as the data behind them. Dynamics are those of the first seed. */
export async function run(options: ReinforcementFigureOptions): Promise<Record<string, unknown>> {
  const sessions = await sessionsOf(options)
  const checkpoints = new Checkpoints(options.checkpoints, sessions.training)
  const trials: Trial[] = []
  let dynamics: readonly Dynamics[] | undefined
  for (const seed of options.seeds) {
    const mle = await checkpoints.read(seed)
    if (mle.length === 0) await train(sessions.training, { seed, reinforcement: 'none' }, undefined, mle)
    dynamics ??= await observe(sessions, seed, mle)
    trials.push(...(await tryOut(sessions, seed, mle)))
  }
  await draw(options.out, 'reinforcement-dynamics', dynamicsCharts(dynamics!))
  await draw(options.out, 'reinforcement-sensitivity', sensitivityCharts(trials))
  return { data: sessions.name, seeds: options.seeds, trials }
}

/** Trains by every method, from the same models of maximum likelihood. */
async function observe({ training }: LabelledSessions, seed: number, mle: MleResults): Promise<Dynamics[]> {
  const dynamics: Dynamics[] = []
  for (const { name: method, reinforcement } of METHODS) {
    const model = await train(training, { seed, reinforcement }, undefined, mle)
    dynamics.push({ method, training: model.training })
  }
  return dynamics
}

/** The reward of the tail with other b and beta. */
async function tryOut(sessions: LabelledSessions, seed: number, mle: MleResults): Promise<Trial[]> {
  const settings: { setting: 'b' | 'beta'; value: number; reinforcement: ReinforcementOptions }[] = [
    ...DECAYS.map(decay => ({ setting: 'b' as const, value: decay, reinforcement: tailWith({ decay }) })),
    ...BETAS.map(beta => ({
      setting: 'beta' as const,
      value: beta,
      reinforcement: { ...TAIL_REINFORCEMENT, crossEntropyCoef: beta },
    })),
  ]
  const trials: Trial[] = []
  for (const { setting, value, reinforcement } of settings) {
    const model = await train(sessions.training, { seed, reinforcement }, undefined, mle)
    const { f1, prAuc } = (await judgeAll(model, sessions))[DECISION]!
    process.stderr.write(
      `seed ${seed}, ${setting} ${value}: F1 ${f1.toFixed(4)} PR-AUC ${prAuc.toFixed(4)}\n`,
    )
    trials.push({ setting, value, seed, f1, prAuc })
  }
  return trials
}

async function draw(folder: string, name: string, charts: readonly Chart[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `${name}.svg`), chartFile(charts))
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(charts, significant)}\n`)
}

/** Four digits are enough to draw. */
function significant(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value
}
