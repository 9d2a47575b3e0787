import type { GptNeoConfig } from '../../model/config.js'
import { Runtime, type Tensor } from '../../runtime.js'
import type { Batch } from '../batches.js'
import type { ResolvedReinforcementOptions } from './options.js'
import { ppoGraph } from './ppo-graph.js'
import type { Rollout } from './rollout.js'

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

/** The policy that is learning, with Adam's moments; the arithmetic is in the PPO graph. */
export class PolicyOptimizer {
  #numSteps = 0
  #firstMoments: Float32Array
  #secondMoments: Float32Array

  private constructor(
    readonly runtime: Runtime,
    public parameters: Float32Array,
    readonly learningRate: number,
  ) {
    this.#firstMoments = new Float32Array(parameters.length)
    this.#secondMoments = new Float32Array(parameters.length)
  }

  /** @param parameters (size) to start from; they are not written to */
  static async create(
    config: GptNeoConfig,
    parameters: Float32Array,
    options: ResolvedReinforcementOptions,
  ): Promise<PolicyOptimizer> {
    const graph = ppoGraph(config, options, {
      beta1: BETA_1,
      beta2: BETA_2,
      epsilon: EPSILON,
      weightDecay: 0,
      maxGradientNorm: MAX_GRADIENT_NORM,
    })
    return new PolicyOptimizer(await Runtime.load(graph), parameters, options.learningRate)
  }

  /** One step of Adam on a batch. @param advantages (B, T) */
  async step(batch: Batch, rollout: Rollout, advantages: Tensor): Promise<PolicyStep> {
    this.#numSteps++
    const corrections = Float32Array.of(1 - BETA_1 ** this.#numSteps, 1 - BETA_2 ** this.#numSteps)
    const outputs = await this.runtime.run({
      parameters: vector(this.parameters),
      firstMoments: vector(this.#firstMoments),
      secondMoments: vector(this.#secondMoments),
      tokens: batch.tokens,
      targets: batch.targets,
      weights: batch.weights,
      actions: rollout.actions,
      oldLogProbabilities: rollout.oldLogProbabilities,
      advantages,
      learningRate: { data: Float32Array.of(this.learningRate), shape: [] },
      corrections: vector(corrections),
    })
    this.parameters = outputs.nextParameters!
    this.#firstMoments = outputs.nextFirstMoments!
    this.#secondMoments = outputs.nextSecondMoments!
    const scalar = (name: keyof PolicyStep): number => outputs[name]![0]!
    return {
      ratio: scalar('ratio'),
      approxKl: scalar('approxKl'),
      clipFraction: scalar('clipFraction'),
      entropy: scalar('entropy'),
      crossEntropy: scalar('crossEntropy'),
    }
  }

  async release(): Promise<void> {
    await this.runtime.release()
  }
}

function vector(data: Float32Array): Tensor {
  return { data, shape: [data.length] }
}
