import type { AddressInfo } from 'node:net'
import { withDefaults } from './check-options.js'
import type { Chunk, Counters } from './chunk.js'
import type { DeadLetter } from './dead-letter.js'
import { ForwardServer } from './input/forward.js'
import type { ForwardServerOptions } from './input/forward-options.js'
import type { Input, InputFactory } from './input/input.js'
import { readLines } from './input/lines.js'
import { packLines } from './input/pack-lines.js'
import { DEFAULT_JOIN_OPTIONS, type JoinOptions, type ResolvedJoinOptions } from './join/options.js'
import type { LineRules } from './line-rules.js'
import type { Observer } from './observer.js'
import type { Output } from './output/output.js'
import { Pipeline, SUMMARY_TAG } from './pipeline.js'
import { RepeatedWarning } from './repeated-warning.js'
import { DEFAULT_ROUTE_OPTIONS, type RouteOptions } from './route/options.js'
import { createStage, type Stage } from './stage.js'
import type { StageOptions } from './stage-options.js'
import { SummaryHandOver } from './summary-hand-over.js'
import { Watch } from './watch.js'

export interface FileInput {
  /** Plain or gzip files, or `-` for standard input; read once, from the beginning to the end. */
  readonly paths: readonly string[]
  readonly tag: string
}

export interface ServiceOptions {
  readonly stage: StageOptions
  readonly forward?: Omit<ForwardServerOptions, 'deadLetter' | 'ownTagPrefix'> | undefined
  readonly files?: FileInput | undefined
  /** Other inputs. */
  readonly inputs?: readonly InputFactory[]
  readonly outputs: readonly Output[]
  /** Are told of what is found; closed with the service. */
  readonly observers?: readonly Observer[]
  /** Outgoing tags are this before the incoming tag; incoming tags that begin with it are refused. Default `scored.`. */
  readonly tagPrefix?: string | undefined
  /** Whether session summaries are sent. Default true. */
  readonly sessionSummaries?: boolean | undefined
  /** Where records go by their verdicts. Default: all of them everywhere. */
  readonly route?: RouteOptions | undefined
  /** How lines that belong together are told. Default: each is judged alone. */
  readonly join?: JoinOptions | undefined
  /** How long lines are held back to be put into the order of their times, in milliseconds. Default 0: not at all. */
  readonly reorderMs?: number | undefined
  readonly deadLetter?: DeadLetter | undefined
  readonly counters: Counters
  /** Told how long each chunk took from its arrival to its delivery. */
  readonly onChunk?: (seconds: number) => void
  /** Takes one-line messages for the person who runs this. */
  readonly warn?: (message: string) => void
}

export const DEFAULT_TAG_PREFIX = 'scored.'
/** Lines of a file that travel together. */
const FILE_CHUNK = 500
/** Chunks of a file that may be under way. */
const MAX_FILE_CHUNKS = 4
/** How often silent sessions are looked for, in milliseconds. */
const TICK_MS = 1000

/** The pipeline stage at work: inputs, the model, outputs. */
export class Service {
  readonly stage: Stage
  readonly #options: ServiceOptions
  readonly #pipeline: Pipeline
  readonly #summaries: SummaryHandOver
  readonly #forward: ForwardServer | undefined
  readonly #inputs: readonly Input[]
  #ticker: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined

  private constructor(stage: Stage, options: ServiceOptions) {
    this.stage = stage
    this.#options = options
    const tagPrefix = options.tagPrefix ?? DEFAULT_TAG_PREFIX
    this.#pipeline = new Pipeline(stage.store, options.outputs, options.deadLetter, options.counters, {
      lineFields: stage.options.lineFields,
      fields: stage.options.fields,
      tagPrefix,
      hasSummaries: options.sessionSummaries ?? true,
      sessionPath: sessionPath(stage),
      route: options.route && withDefaults({ ...DEFAULT_ROUTE_OPTIONS, rules: [] }, options.route),
      join: joinOptions(options.join, stage.rules),
      reorderMs: options.reorderMs,
      now: stage.options.now,
      watch: options.observers?.length ? new Watch(options.observers, stage.options.now) : undefined,
      onFailure: error => this.#complain(error),
    })
    this.#summaries = new SummaryHandOver(
      (summaries, name) => this.#pipeline.deliverSummaries(summaries, name),
      error => this.#complain(error),
    )
    this.#forward =
      options.forward &&
      new ForwardServer(
        {
          ...options.forward,
          ownTagPrefix: tagPrefix,
          ...(options.deadLetter && { deadLetter: options.deadLetter }),
          ...(options.warn && { warn: options.warn }),
        },
        chunk => this.#take(chunk),
        options.counters,
      )
    this.#inputs = (options.inputs ?? []).map(make =>
      make(
        chunk => this.#take(chunk),
        tagPrefix,
        origin => this.#release(origin),
        chunk => this.#pipeline.settled(chunk),
      ),
    )
  }

  /** Loads the model. @throws ConfigError, BundleError and what the rules for lines may throw */
  static async open(options: ServiceOptions): Promise<Service> {
    const failures = new RepeatedWarning(message => options.warn?.(message))
    const onScorerFailure = (error: Error): void => {
      options.counters.increment('scorer_failures_total')
      failures.give(`the scorer failed, records pass unscored: ${error.message}`)
    }
    const { counters, warn } = options
    const stage = await createStage({
      onScorerFailure,
      counters,
      ...(warn && { warn }),
      ...options.stage,
    })
    return new Service(stage, options)
  }

  /** Whether every output has its receiver. */
  get isReady(): boolean {
    return this.#options.outputs.every(output => output.isReady)
  }

  /** Names of the inputs beside Forward and files. */
  get inputNames(): readonly string[] {
    return this.#inputs.map(({ name }) => name)
  }

  /** Starts to listen. @returns the address of the Forward input, if there is one */
  async listen(): Promise<AddressInfo | undefined> {
    this.#ticker = setInterval(() => this.#tick(), TICK_MS).unref()
    const address = await this.#forward?.listen()
    for (const input of this.#inputs) await input.start()
    return address
  }

  /** Reads the files to their end; resolves when all of it is delivered. @throws InputError */
  async readFiles(): Promise<void> {
    const { files } = this.#options
    if (files === undefined) return
    const underWay: Promise<void>[] = []
    const send = async (lines: readonly string[]): Promise<void> => {
      const handled = this.#pipeline.handle(packLines(files.tag, lines, this.stage.options.now()))
      // Told below, in its order: until then its failure must not count as one that nobody hears of.
      handled.catch(() => {})
      underWay.push(handled)
      if (underWay.length >= MAX_FILE_CHUNKS) await underWay.shift()
    }
    let lines: string[] = []
    for await (const line of readLines(files.paths)) {
      if (this.#stopping !== undefined) break
      if (lines.push(line) < FILE_CHUNK) continue
      await send(lines)
      lines = []
    }
    if (lines.length > 0) await send(lines)
    await Promise.all(underWay)
  }

  /** Stops: takes nothing more, delivers what was taken, ends the open sessions as `open` and closes the outputs. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    clearInterval(this.#ticker)
    this.#pipeline.hurry()
    this.stage.store.interrupt()
    await Promise.all([this.#forward?.close(), ...this.#inputs.map(input => input.close())])
    await this.#summaries.finish(deliver => this.stage.store.finish('open', deliver))
    await this.stage.close()
    await Promise.all(
      [...this.#options.outputs, ...(this.#options.observers ?? [])].map(part =>
        part.close().catch(error => this.#complain(error)),
      ),
    )
    await this.#summaries.settled()
  }

  /** Our own summaries must not come round again. */
  async #take(chunk: Chunk): Promise<void> {
    if (chunk.tag === SUMMARY_TAG) {
      this.#options.counters.increment('forward_refused_loop_total')
      return
    }
    const started = performance.now()
    await this.#pipeline.handle(chunk)
    this.#options.onChunk?.((performance.now() - started) / 1000)
  }

  #release(origin: string): void {
    this.#pipeline.forget(origin)
    this.#summaries.start(deliver => this.stage.store.release(origin, deliver))
  }

  #tick(): void {
    this.#summaries.start(deliver => this.stage.store.tick(this.stage.options.now(), deliver))
  }

  #complain(error: unknown): void {
    this.#options.warn?.(error instanceof Error ? error.message : String(error))
  }
}

function sessionPath(stage: Stage): readonly string[] | undefined {
  const { session } = stage.rules
  const by = session.kind === 'window' ? session.by : session
  return by?.kind === 'field' ? by.path.split('.') : undefined
}

/** As told, else as the model learnt it. */
function joinOptions(told: JoinOptions | undefined, { join }: LineRules): ResolvedJoinOptions | undefined {
  const wanted = told ?? join
  return wanted && withDefaults(DEFAULT_JOIN_OPTIONS, wanted)
}
