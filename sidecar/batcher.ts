import type { NextKeyScorer, Predictions } from '../scorer/next-key-scorer.js'
import type { ScoreReply, ScoreRequest } from './protocol.js'

/** What a batcher is told of. */
export interface BatchObserver {
  /** A batch of so many events was computed, or failed, in so many seconds. */
  onBatch(numEvents: number, seconds: number): void
}

export interface BatcherOptions {
  /** Events that are computed together at the most. */
  readonly maxBatchEvents: number
  /** How long the first event of a batch waits for others, in milliseconds. */
  readonly batchWaitMs: number
}

/** Whether anybody else may add to a batch; if not, nothing is gained by waiting. */
export type MayOthersCome = () => boolean

export type Answers = Omit<ScoreReply, 'id' | 'bundle'>

/** A request on its way. */
interface Job {
  readonly request: Pick<ScoreRequest, 'prefixes' | 'observed' | 'top'>
  readonly answers: MutableAnswers
  /** The event to be entered next. */
  next: number
  /** Events that are not answered yet. */
  left: number
  error: unknown
  readonly resolve: (answers: Answers) => void
  readonly reject: (error: unknown) => void
}

type MutableAnswers = { -readonly [K in keyof Answers]: Answers[K][number][] }

/** An event that was entered: where its answer stands and where it goes. */
interface Entered {
  readonly job: Job
  readonly index: number
  readonly node: number
}

/** Two batches at a time: one being computed, one being prepared. */
const MAX_BATCHES = 2

/**
 * Gathers the events of all requests into batches for the model: a batch begins when enough events wait, the first has waited long enough, or
 * nobody else could add to it. What comes while two batches are under way waits in any case.
 * Requests are answered when their last event is; a model that fails fails the requests in that batch and no others.
 */
export class Batcher {
  readonly #queue: Job[] = []
  #numQueued = 0
  #numPending = 0
  #numBatches = 0
  /** Tokens of all entered prefixes, which are pinned with all that leads to them. */
  #numHeld = 0
  #timer: NodeJS.Timeout | undefined
  #idle: (() => void)[] = []

  constructor(
    readonly scorer: NextKeyScorer,
    readonly options: BatcherOptions,
    readonly observer: BatchObserver,
    readonly mayOthersCome: MayOthersCome = () => true,
  ) {}

  /** Events that wait or are being computed. */
  get numPending(): number {
    return this.#numPending
  }

  /** Answers a request whose tokens the model knows. @throws ScoringError when the model fails */
  submit(request: Job['request']): Promise<Answers> {
    const numEvents = request.prefixes.length
    const answers = { surprise: [], rank: [], rarity: [], expected: [], probability: [] }
    if (numEvents === 0) return Promise.resolve(answers)
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, answers, next: 0, left: numEvents, error: undefined, resolve, reject })
      this.#numQueued += numEvents
      this.#numPending += numEvents
      this.#schedule()
    })
  }

  /** Resolves when everything submitted is answered. */
  drained(): Promise<void> {
    if (this.#numPending === 0) return Promise.resolve()
    this.#startBatches()
    return new Promise(resolve => this.#idle.push(resolve))
  }

  #schedule(): void {
    const { maxBatchEvents, batchWaitMs } = this.options
    const isFull = this.#numQueued >= maxBatchEvents
    if (isFull || batchWaitMs === 0 || !this.mayOthersCome()) this.#startBatches()
    else this.#timer ??= setTimeout(() => this.#startBatches(), batchWaitMs)
  }

  /** Starts as many batches as may be under way. */
  #startBatches(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#numQueued > 0 && this.#numBatches < MAX_BATCHES && this.#hasRoom) void this.#runBatch()
  }

  get #hasRoom(): boolean {
    return this.#numHeld <= this.scorer.maxHeld
  }

  async #runBatch(): Promise<void> {
    const { scorer } = this
    const { tree } = scorer
    const started = performance.now()
    const entered = this.#enter()
    this.#numBatches++
    let failure: unknown
    try {
      await scorer.compute()
    } catch (error) {
      failure = error
    }
    this.#numBatches--
    this.observer.onBatch(entered.length, (performance.now() - started) / 1000)
    for (const { job, index, node } of entered) {
      this.#numHeld -= tree.depth(node)
      if (failure === undefined) answer(tree, node, job, index)
      else job.error = failure
      tree.unpin(node)
      this.#settle(job)
    }
    // Events that came lately may still wait for others.
    if (this.#timer === undefined) this.#startBatches()
  }

  /** Enters as many events as fit a batch. */
  #enter(): Entered[] {
    const entered: Entered[] = []
    while (this.#queue.length > 0 && entered.length < this.options.maxBatchEvents && this.#hasRoom) {
      const job = this.#queue[0]!
      const { prefixes, observed } = job.request
      const index = job.next++
      const context = { tokens: prefixes[index] as number[], node: -1, stamp: 0 }
      const node = this.scorer.enter(context, observed[index]!)
      this.#numHeld += this.scorer.tree.depth(node)
      this.#numQueued--
      entered.push({ job, index, node })
      if (job.next === prefixes.length) this.#queue.shift()
    }
    return entered
  }

  #settle(job: Job): void {
    this.#numPending--
    if (--job.left === 0) {
      if (job.error === undefined) job.resolve(job.answers)
      else job.reject(job.error)
    }
    if (this.#numPending > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}

function answer(tree: Predictions, node: number, { request, answers }: Job, index: number): void {
  const token = request.observed[index]!
  const { top = 0 } = request
  const likely = top === 0 ? [] : tree.likeliest(node, top)
  answers.surprise[index] = tree.surprise(node, token)
  answers.rank[index] = tree.rank(node, token)
  answers.rarity[index] = tree.rarity(node, token)
  answers.expected[index] = likely.map(one => one.token)
  answers.probability[index] = likely.map(one => one.probability)
}
