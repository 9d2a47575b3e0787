import { type AdamWSettings, adamWGraph } from '../../model/adamw-graph.js'
import type { GptNeoConfig } from '../../model/config.js'
import { type Feeds, Runtime, type Tensor } from '../../runtime.js'
import { type Batch, partsOf, rowsOf } from '../batches.js'
import type { OptimizerState } from '../optimizer.js'
import type { ResolvedReinforcementOptions } from './options.js'
import { ppoGradientGraph, ppoGraph } from './ppo-graph.js'
import type { PolicyModel, Rollout } from './rollout.js'

/** Adam as in the paper (IV-A): no weight decay, customary betas. */
const BETA_1 = 0.9
const BETA_2 = 0.999
const EPSILON = 1e-8
const MAX_GRADIENT_NORM = 0.5

/** Means over the actions of one step of Adam, taken before the step. */
export interface PolicyStep {
  readonly ratio: number
  readonly approxKl: number
  readonly clipFraction: number
  readonly entropy: number
  readonly crossEntropy: number
}

const FIGURES = [
  'ratio',
  'approxKl',
  'clipFraction',
  'entropy',
  'crossEntropy',
] as const satisfies (keyof PolicyStep)[]

/** Figures that are added up, each with its weight. */
export class PolicyStepSum {
  readonly total = { ratio: 0, approxKl: 0, clipFraction: 0, entropy: 0, crossEntropy: 0 }

  add(figures: PolicyStep, weight: number): void {
    for (const name of FIGURES) this.total[name] += weight * figures[name]
  }
}

/** The graphs of a step: all in one, or the gradients of its parts and then Adam. */
type StepGraphs = { readonly whole: Runtime } | { readonly part: Runtime; readonly adam: Runtime }

/** The policy that is learning, with Adam's moments; the arithmetic is in the PPO graph. A state is never changed: each step makes new vectors. */
export class PolicyOptimizer {
  private constructor(
    readonly graphs: StepGraphs,
    readonly frozen: Feeds,
    readonly maxParts: number,
    readonly learningRate: number,
    public state: OptimizerState,
  ) {}

  /** @param parameters (size of the form) to start from; they are not written to */
  static async create(
    config: GptNeoConfig,
    { form, frozen, threads, accumulate = 1 }: PolicyModel,
    parameters: Float32Array,
    options: ResolvedReinforcementOptions,
  ): Promise<PolicyOptimizer> {
    const settings: AdamWSettings = {
      beta1: BETA_1,
      beta2: BETA_2,
      epsilon: EPSILON,
      weightDecay: 0,
      maxGradientNorm: MAX_GRADIENT_NORM,
    }
    const load = (graph: Buffer): Promise<Runtime> => Runtime.load(graph, { threads })
    const graphs =
      accumulate === 1
        ? { whole: await load(ppoGraph(config, options, settings, form)) }
        : {
            part: await load(ppoGradientGraph(config, options, form)),
            adam: await load(adamWGraph(form.layout, settings)),
          }
    return new PolicyOptimizer(graphs, frozen, accumulate, options.learningRate, {
      numSteps: 0,
      parameters,
      firstMoments: new Float32Array(parameters.length),
      secondMoments: new Float32Array(parameters.length),
    })
  }

  get parameters(): Float32Array {
    return this.state.parameters
  }

  /** One step of Adam on a batch. @param advantages (B, T) */
  async step(
    batch: Batch,
    { actions, oldLogProbabilities }: Rollout,
    advantages: Tensor,
  ): Promise<PolicyStep> {
    const { graphs } = this
    const feeds = { ...batch, actions, oldLogProbabilities, advantages }
    if ('whole' in graphs) {
      const outputs = await graphs.whole.run({ ...this.frozen, ...feeds, ...this.#adamFeeds() })
      this.#advance(outputs)
      return figuresOf(outputs)
    }
    const { gradient, figures } = await this.#gradient(graphs.part, feeds)
    this.#advance(await graphs.adam.run({ gradient: vector(gradient), ...this.#adamFeeds() }))
    return figures
  }

  async release(): Promise<void> {
    for (const runtime of Object.values(this.graphs)) await runtime.release()
  }

  /** Gradient (size) and figures of a batch: those of its parts, each weighed by its share of the actions. */
  async #gradient(graph: Runtime, feeds: Readonly<Record<keyof Batch, Tensor>> & Feeds) {
    const gradient = new Float32Array(this.parameters.length)
    const figures = new PolicyStepSum()
    const numActions = sum(feeds.weights.data)
    for (const rows of partsOf(feeds.tokens.shape[0]!, this.maxParts)) {
      const part = Object.fromEntries(
        Object.entries(feeds).map(([name, tensor]) => [name, rowsOf(tensor, rows)]),
      )
      const share = sum(part.weights!.data) / numActions
      if (share === 0) continue
      const outputs = await graph.run({ ...this.frozen, parameters: vector(this.parameters), ...part })
      figures.add(figuresOf(outputs), share)
      outputs.gradient!.forEach((slope, i) => {
        gradient[i]! += share * slope
      })
    }
    return { gradient, figures: figures.total }
  }

  #adamFeeds(): Feeds {
    const { parameters, firstMoments, secondMoments } = this.state
    const numSteps = this.state.numSteps + 1
    return {
      parameters: vector(parameters),
      firstMoments: vector(firstMoments),
      secondMoments: vector(secondMoments),
      learningRate: { data: Float32Array.of(this.learningRate), shape: [] },
      corrections: vector(Float32Array.of(1 - BETA_1 ** numSteps, 1 - BETA_2 ** numSteps)),
    }
  }

  #advance(outputs: Readonly<Record<string, Float32Array>>): void {
    this.state = {
      numSteps: this.state.numSteps + 1,
      parameters: outputs.nextParameters!,
      firstMoments: outputs.nextFirstMoments!,
      secondMoments: outputs.nextSecondMoments!,
    }
  }
}

function figuresOf(outputs: Readonly<Record<string, Float32Array>>): PolicyStep {
  return Object.fromEntries(FIGURES.map(name => [name, outputs[name]![0]!])) as unknown as PolicyStep
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}

function vector(data: Float32Array): Tensor {
  return { data, shape: [data.length] }
}
