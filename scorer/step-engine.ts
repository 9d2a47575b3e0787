import type { GptNeoConfig } from './model/config.js'
import type { Precision } from './model/precision.js'
import { cacheRowSize, storedStepGraph } from './model/step-graph.js'
import type { DeviceOptions } from './provider.js'
import { Runtime } from './runtime.js'

/** What a step engine is made of. */
export interface StepEngineData {
  readonly config: GptNeoConfig
  /** The flat vector (size). */
  readonly parameters: Float32Array
  readonly precision: Precision
  readonly device: DeviceOptions
  /** Rows of the cache. */
  readonly numRows: number
}

/** B chains of tokens to append to cached prefixes, padded to T tokens and P cached rows each. */
export interface StepBatch {
  readonly batch: number
  /** T */
  readonly time: number
  /** (B, T); padding is 0. */
  readonly tokens: Int32Array
  /** (B, T): the cache row each token's keys and values go to; -1 for padding. */
  readonly rows: Int32Array
  /** P */
  readonly past: number
  /** (B, P): cache rows of the tokens before, oldest first. */
  readonly pastRows: Int32Array
  /** (B): how many of pastRows count. */
  readonly pastLengths: Int32Array
}

/** Runs the one-step graph over a cache of keys and values: gathers the rows of each prefix, runs, stores the new rows. */
export class StepEngine {
  readonly #cache: Float32Array
  readonly #rowSize: number
  #past = new Float32Array(0)

  private constructor(
    readonly runtime: Runtime,
    config: GptNeoConfig,
    numRows: number,
  ) {
    this.#rowSize = cacheRowSize(config)
    this.#cache = new Float32Array(numRows * this.#rowSize)
  }

  /** Makes the graph and loads it. @throws ProviderError */
  static async create({
    config,
    parameters,
    precision,
    device,
    numRows,
  }: StepEngineData): Promise<StepEngine> {
    const { graph, externals } = storedStepGraph(config, parameters, precision)
    const runtime = await Runtime.load(graph, { ...device, externals })
    return new StepEngine(runtime, config, numRows)
  }

  /** Log-probabilities (B, T, V) after each token of the batch. */
  async run(step: StepBatch): Promise<Float32Array> {
    const { batch, time, past } = step
    const outputs = await this.runtime.run({
      tokens: { data: step.tokens, shape: [batch, time] },
      past: { data: this.#gather(step), shape: [batch, past, this.#rowSize] },
      pastLengths: { data: step.pastLengths, shape: [batch] },
    })
    this.#scatter(step.rows, outputs.rows!)
    return outputs.logProbabilities!
  }

  async release(): Promise<void> {
    await this.runtime.release()
  }

  #gather({ batch, past, pastRows, pastLengths }: StepBatch): Float32Array {
    const size = this.#rowSize
    const needed = batch * past * size
    if (this.#past.length < needed) this.#past = new Float32Array(needed)
    for (let b = 0; b < batch; b++) {
      const from = b * past
      const to = from + pastLengths[b]!
      for (let p = from; p < to; ) {
        const row = pastRows[p]!
        // Prefixes made in one go lie side by side: they are copied in one go too.
        let count = 1
        while (p + count < to && pastRows[p + count] === row + count) count++
        this.#past.set(this.#cache.subarray(row * size, (row + count) * size), p * size)
        p += count
      }
    }
    return this.#past.subarray(0, needed)
  }

  #scatter(rows: Int32Array, fresh: Float32Array): void {
    const size = this.#rowSize
    rows.forEach((row, i) => {
      if (row >= 0) this.#cache.set(fresh.subarray(i * size, (i + 1) * size), row * size)
    })
  }
}
