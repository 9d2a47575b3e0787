import type { GptNeoConfig } from '../../model/config.js'
import { type ModelForm, wholeForm } from '../../model/form.js'
import { forward } from '../../model/forward.js'
import { sequenceContext } from '../../model/sequence-context.js'
import { GraphBuilder, type Value } from '../../onnx/graph.js'
import { Tape } from '../../onnx/tape.js'
import type { Random } from '../../random.js'
import { type Feeds, Runtime, type Tensor } from '../../runtime.js'
import { type Batch, partsOf, rowsOf } from '../batches.js'

/** The model that a policy is: what moves of it, what stays, and what it runs on. */
export interface PolicyModel {
  readonly form: ModelForm
  /** The weights that stay, as the form's graphs take them. */
  readonly frozen: Feeds
  /** Of the runtime. */
  readonly threads: number
  /** Parts that a batch is computed in, one after the other: what a run holds is that of a part. Default 1. */
  readonly accumulate?: number
}

/** What the old policy did on a batch, and how it ranked what was observed. */
export interface Rollout {
  /** (B, T) int32 token ids. */
  readonly actions: Tensor
  /** (B, T), ln pi_old(action). */
  readonly oldLogProbabilities: Tensor
  /** (B, T), how many tokens were likelier than the observed one. */
  readonly ranks: Float32Array
}

/** Lets a policy act on observed prefixes: each state is what the session really held up to there (teacher forcing). */
export class RolloutRunner {
  private constructor(
    readonly runtime: Runtime,
    readonly random: Random | undefined,
    readonly frozen: Feeds,
    readonly maxParts: number,
  ) {}

  /** @param random to sample actions with; without it actions are given */
  static async load(
    config: GptNeoConfig,
    random: Random | undefined,
    { form, frozen, threads, accumulate = 1 }: PolicyModel = {
      form: wholeForm(config),
      frozen: {},
      threads: 1,
    },
  ): Promise<RolloutRunner> {
    const graph = rolloutGraph(config, form, random !== undefined)
    return new RolloutRunner(await Runtime.load(graph, { threads }), random, frozen, accumulate)
  }

  /**
   * @param policy parameters (size), which stay as they are: the old policy of the steps that follow
   * @param given actions (B, T), used unless they are sampled; by default the targets
   */
  async run(policy: Float32Array, { tokens, targets }: Batch, given: Tensor = targets): Promise<Rollout> {
    const { shape } = tokens
    const parameters = { data: policy, shape: [policy.length] }
    const actions = new Int32Array(tokens.data.length)
    const logProbabilities = new Float32Array(actions.length)
    const ranks = new Float32Array(actions.length)
    for (const part of partsOf(shape[0]!, this.maxParts)) {
      const outputs = await this.runtime.run({
        ...this.frozen,
        parameters,
        tokens: rowsOf(tokens, part),
        targets: rowsOf(targets, part),
        ...this.#choice(rowsOf(given, part)),
      })
      const at = part.from * shape[1]!
      actions.set(outputs.actions!, at)
      logProbabilities.set(outputs.logProbabilities!, at)
      ranks.set(outputs.ranks!, at)
    }
    return {
      actions: { data: actions, shape },
      oldLogProbabilities: { data: logProbabilities, shape },
      ranks,
    }
  }

  /** What actions are chosen by: chance, or those given. */
  #choice(given: Tensor): Feeds {
    const { random } = this
    if (random === undefined) return { given }
    return { uniforms: { data: Float32Array.from(given.data, () => random.uniform()), shape: given.shape } }
  }

  async release(): Promise<void> {
    await this.runtime.release()
  }
}

/**
 * The graph of a rollout.
 *
 * In: parameters (size) and the frozen weights of the form, by name; tokens, targets (B, T) int32; uniforms (B, T) in [0, 1) to sample actions with, or given (B, T) int32.
 * Out: actions (B, T); logProbabilities (B, T) of the actions; ranks (B, T) of the targets.
 */
function rolloutGraph(config: GptNeoConfig, form: ModelForm, isSampled: boolean): Buffer {
  const graph = new GraphBuilder('rollout')
  const tape = new Tape(graph)
  form.declareFrozen(graph)
  const parameters = graph.input('parameters', 'float32', [form.layout.size])
  const tokens = graph.input('tokens', 'int32', ['B', 'T'])
  const targets = graph.input('targets', 'int32', ['B', 'T'])
  const { ids, positions, ...context } = sequenceContext(graph, config, tokens)
  const model = form.unpack(tape, parameters)
  const logits = forward(tape, config, model.weights, ids, positions, context, model.project)
  const logProbabilities = graph.node('LogSoftmax', [logits], { axis: -1 })
  const column = (tokenIds: Value): Value =>
    graph.node('Reshape', [graph.node('Cast', [tokenIds], { to: 7 }), graph.integers(-1, 1)])
  const observed = column(targets)
  const actions = isSampled
    ? sample(graph, logProbabilities, config.vocabularySize)
    : column(graph.input('given', 'int32', ['B', 'T']))
  const probabilityOf = (tokenIds: Value): Value =>
    graph.node('GatherElements', [logProbabilities, tokenIds], { axis: 1 })
  const likelier = graph.node('Greater', [logProbabilities, probabilityOf(observed)])
  const ranks = graph.node('ReduceSum', [graph.node('Cast', [likelier], { to: 1 }), graph.integers(1)])
  const output = (name: string, value: Value): void =>
    graph.output(name, graph.node('Reshape', [value, graph.node('Shape', [tokens])]), 'float32', ['B', 'T'])
  output('actions', graph.node('Cast', [actions], { to: 1 }))
  output('logProbabilities', probabilityOf(actions))
  output('ranks', ranks)
  return graph.finish()
}

/** Draws a token a row by inverting the distribution function: (N, 1) int64. */
function sample(graph: GraphBuilder, logProbabilities: Value, vocabularySize: number): Value {
  const uniforms = graph.node('Reshape', [
    graph.input('uniforms', 'float32', ['B', 'T']),
    graph.integers(-1, 1),
  ])
  const cumulated = graph.node('CumSum', [
    graph.node('Exp', [logProbabilities]),
    graph.constant('int64', [], [1]),
  ])
  const isBelow = graph.node('Cast', [graph.node('LessOrEqual', [cumulated, uniforms])], { to: 7 })
  // Rounding can leave the last sum below a uniform close to 1.
  return graph.node('Min', [
    graph.node('ReduceSum', [isBelow, graph.integers(1)]),
    graph.integers(vocabularySize - 1),
  ])
}
