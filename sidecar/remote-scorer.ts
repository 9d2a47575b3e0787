import { ScoringError } from '../scorer/errors.js'
import type { GptNeoConfig } from '../scorer/model/config.js'
import { appendToken, type Context, type NextKeyScorer } from '../scorer/next-key-scorer.js'
import { DEFAULT_SCORER_OPTIONS } from '../scorer/scorer.js'
import { BEGIN } from '../scorer/vocabulary.js'
import { ANSWER_BYTES, AnswerTree, NUM_EXPECTED } from './answer-tree.js'
import { SidecarClient } from './client.js'
import { SidecarError } from './errors.js'
import type { SidecarClientOptions } from './options.js'

export interface RemoteScorerOptions extends SidecarClientOptions {
  /** Memory for remembered answers, in bytes, but at least that of three full contexts. Default 128 MiB. */
  readonly cacheBytes?: number
}

/** Events of a request. */
const MAX_EVENTS = 500
/** Tokens of a request's prefixes: a frame stays well below the limit of any sidecar. */
const MAX_TOKENS = 2 ** 17
/** Contexts there must be room for: those asked, one to enter, and one more as the children of a node. */
const MIN_CONTEXTS = 3

/** Scores next log keys by asking a sidecar, and remembers its answers. While the sidecar is away `compute` fails at once. */
export class RemoteScorer implements NextKeyScorer {
  readonly tree: AnswerTree
  readonly maxHeld: number
  #waiting: number[] = []
  #lastRequests: Promise<void> = Promise.resolve()
  #numFailures = 0

  private constructor(
    readonly config: Pick<GptNeoConfig, 'contextLength' | 'vocabularySize'>,
    readonly client: SidecarClient,
    cacheBytes: number,
  ) {
    const { contextLength, vocabularySize } = config
    const capacity = Math.max(MIN_CONTEXTS * (contextLength + 1), Math.floor(cacheBytes / ANSWER_BYTES))
    this.tree = new AnswerTree(capacity, vocabularySize)
    this.maxHeld = capacity - 2 * (contextLength + 1)
  }

  /**
   * Connects. A sidecar that is away is no error: it is connected to once it is there.
   * @param bundle the model as it lies here; the sidecar must have the same one
   * @throws SidecarOptionsError
   */
  static async start(
    { id, config }: { readonly id: string; readonly config: GptNeoConfig },
    { cacheBytes = DEFAULT_SCORER_OPTIONS.cacheBytes, ...options }: RemoteScorerOptions,
  ): Promise<RemoteScorer> {
    const client = new SidecarClient(options, id)
    await client.firstAttempt()
    return new RemoteScorer(config, client, cacheBytes)
  }

  get isReady(): boolean {
    return this.client.state === 'ready'
  }

  begin(): Context {
    return { tokens: [BEGIN], node: -1, stamp: 0 }
  }

  enter(context: Context, observed: number): number {
    const { tree } = this
    const { tokens } = context
    let { node } = context
    if (node < 0 || tree.stamp(node) !== context.stamp) node = tree.root
    for (let i = tree.depth(node); i < tokens.length; i++) node = tree.child(node, tokens[i]!)
    context.node = node
    context.stamp = tree.stamp(node)
    const event = tree.child(node, observed)
    tree.pin(event)
    if (tree.ask(event)) this.#waiting.push(event)
    return event
  }

  append(context: Context, token: number): void {
    appendToken(context, token, this.config.contextLength)
  }

  compute(): Promise<void> {
    const before = this.#lastRequests
    const numFailures = this.#numFailures
    const asked = Promise.all([before, this.#askWaiting()]).then(() => {
      // An event may share its node with a request before this one, and that has failed.
      if (numFailures !== this.#numFailures) throw new ScoringError('a request before this one failed')
    })
    this.#lastRequests = asked.catch(() => {})
    return asked
  }

  close(): Promise<void> {
    this.client.close()
    return Promise.resolve()
  }

  async #askWaiting(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    await Promise.all(this.#requests(waiting).map(nodes => this.#ask(nodes)))
  }

  async #ask(nodes: readonly number[]): Promise<void> {
    const { tree } = this
    try {
      const reply = await this.client.score({
        prefixes: nodes.map(node => tree.prefix(node)),
        observed: nodes.map(node => tree.token(node)),
        top: NUM_EXPECTED,
      })
      nodes.forEach((node, i) => {
        tree.store(node, reply, i)
      })
    } catch (error) {
      this.#numFailures++
      for (const node of nodes) tree.forget(node)
      if (error instanceof SidecarError) throw new ScoringError(error.message, error)
      throw error
    }
  }

  /** Divides nodes into what requests may hold. */
  #requests(nodes: readonly number[]): number[][] {
    const maxEvents = Math.min(MAX_EVENTS, this.client.hello?.maxEvents ?? MAX_EVENTS)
    const requests: number[][] = []
    let numTokens = 0
    for (const node of nodes) {
      const last = requests.at(-1)
      const depth = this.tree.depth(node)
      if (last === undefined || last.length === maxEvents || numTokens + depth > MAX_TOKENS) {
        requests.push([node])
        numTokens = depth
      } else {
        last.push(node)
        numTokens += depth
      }
    }
    return requests
  }
}
