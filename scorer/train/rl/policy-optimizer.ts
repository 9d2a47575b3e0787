import type { AdamWSettings } from '../../model/adamw-graph.js'
import type { GptNeoConfig } from '../../model/config.js'
import { type Feeds, Runtime, type Tensor } from '../../runtime.js'
import type { Batch } from '../batches.js'
import type { OptimizerState } from '../optimizer.js'
import type { ResolvedReinforcementOptions } from './options.js'
import { ppoGraph } from './ppo-graph.js'
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

/** The policy that is learning, with Adam's moments; the arithmetic is in the PPO graph. A state is never changed: each step makes new vectors. */
export class PolicyOptimizer {
  private constructor(
    readonly runtime: Runtime,
    readonly frozen: Feeds,
    readonly learningRate: number,
    public state: OptimizerState,
  ) {}

  /** @param parameters (size of the form) to start from; they are not written to */
  static async create(
    config: GptNeoConfig,
    { form, frozen, threads }: PolicyModel,
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
    const runtime = await Runtime.load(ppoGraph(config, options, settings, form), { threads })
    return new PolicyOptimizer(runtime, frozen, options.learningRate, {
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
  async step(batch: Batch, rollout: Rollout, advantages: Tensor): Promise<PolicyStep> {
    const { parameters, firstMoments, secondMoments } = this.state
    const numSteps = this.state.numSteps + 1
    const corrections = Float32Array.of(1 - BETA_1 ** numSteps, 1 - BETA_2 ** numSteps)
    const outputs = await this.runtime.run({
      ...this.frozen,
      parameters: vector(parameters),
      firstMoments: vector(firstMoments),
      secondMoments: vector(secondMoments),
      tokens: batch.tokens,
      targets: batch.targets,
      weights: batch.weights,
      actions: rollout.actions,
      oldLogProbabilities: rollout.oldLogProbabilities,
      advantages,
      learningRate: { data: Float32Array.of(this.learningRate), shape: [] },
      corrections: vector(corrections),
    })
    this.state = {
      numSteps,
      parameters: outputs.nextParameters!,
      firstMoments: outputs.nextFirstMoments!,
      secondMoments: outputs.nextSecondMoments!,
    }
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
