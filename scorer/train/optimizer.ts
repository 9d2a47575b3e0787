import type { AdamWSettings } from '../model/adamw-graph.js'
import type { GptNeoConfig } from '../model/config.js'
import { trainLoopGraph } from '../model/train-graph.js'
import { type Feeds, Runtime, type Tensor } from '../runtime.js'
import type { Segment } from '../segments.js'
import { packSteps } from './batches.js'
import type { ResolvedTrainOptions } from './options.js'
import type { Trainable } from './trainable.js'

/** AdamW as in the paper (IV-A), with the customary betas. */
const BETA_1 = 0.9
const BETA_2 = 0.999
const EPSILON = 1e-8
const MAX_GRADIENT_NORM = 1

/** All that the steps to come depend on; vectors of the form's size. */
export interface OptimizerState {
  readonly numSteps: number
  readonly parameters: Float32Array
  readonly firstMoments: Float32Array
  readonly secondMoments: Float32Array
}

export type OptimizerOptions = Pick<ResolvedTrainOptions, 'weightDecay' | 'accumulate' | 'threads'>

/** Parameters and moments between runs; the arithmetic is in the train graph. A state is never changed: each run makes new vectors. */
export class Optimizer {
  private constructor(
    readonly runtime: Runtime,
    readonly frozen: Feeds,
    readonly maxParts: number,
    public state: OptimizerState,
  ) {}

  static async create(
    config: GptNeoConfig,
    { form, start, frozen }: Trainable,
    { weightDecay, accumulate, threads }: OptimizerOptions,
  ): Promise<Optimizer> {
    const settings: AdamWSettings = {
      beta1: BETA_1,
      beta2: BETA_2,
      epsilon: EPSILON,
      weightDecay,
      maxGradientNorm: MAX_GRADIENT_NORM,
    }
    const runtime = await Runtime.load(trainLoopGraph(config, settings, form), { threads })
    return new Optimizer(runtime, frozen, accumulate, {
      numSteps: 0,
      parameters: start,
      firstMoments: new Float32Array(start.length),
      secondMoments: new Float32Array(start.length),
    })
  }

  get parameters(): Float32Array {
    return this.state.parameters
  }

  /** One step for each group of segments, with its learning rate, in one run; returns the losses. */
  async run(groups: readonly (readonly Segment[])[], rates: readonly number[]): Promise<Float32Array> {
    const { numSteps, parameters, firstMoments, secondMoments } = this.state
    const outputs = await this.runtime.run({
      ...this.frozen,
      ...packSteps(groups, this.maxParts),
      parameters: vector(parameters),
      firstMoments: vector(firstMoments),
      secondMoments: vector(secondMoments),
      learningRates: vector(Float32Array.from(rates)),
      corrections: corrections(numSteps, groups.length),
    })
    this.state = {
      numSteps: numSteps + groups.length,
      parameters: outputs.nextParameters!,
      firstMoments: outputs.nextFirstMoments!,
      secondMoments: outputs.nextSecondMoments!,
    }
    return outputs.losses!
  }

  async release(): Promise<void> {
    await this.runtime.release()
  }
}

/** (S, 2): what makes up for moments that began at 0, 1 - beta^t, for the steps after `numSteps`. */
function corrections(numSteps: number, count: number): Tensor {
  const steps = Array.from({ length: count }, (_, i) => numSteps + i + 1)
  return {
    data: Float32Array.from(steps.flatMap(step => [1 - BETA_1 ** step, 1 - BETA_2 ** step])),
    shape: [count, 2],
  }
}

function vector(data: Float32Array): Tensor {
  return { data, shape: [data.length] }
}
