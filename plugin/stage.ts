import { Duplex } from 'node:stream'
import { batches } from './batches.js'
import type { Engine } from './engine.js'
import type { LineInput, LineJudge } from './engine-parts.js'
import { trimVerdict } from './fields.js'
import { linePart } from './join/heads.js'
import { Joiner } from './join/joiner.js'
import { DEFAULT_JOIN_OPTIONS } from './join/options.js'
import { fieldText, type LogRecord } from './line-reader.js'
import type { LineRules } from './line-rules.js'
import { openEngine } from './open-engine.js'
import { type ResolvedStageOptions, resolveStageOptions, type StageOptions } from './stage-options.js'
import { openStore } from './store/open-store.js'
import type { SessionStore } from './store/session-store.js'
import type { SessionSummary, Verdict } from './verdict.js'

/** A record with its verdict. */
export type TaggedRecord = LogRecord & { readonly logneo: Verdict | SessionSummary }

/** Records taken from an iterable at a time, at most. */
const ITERATION_BATCH = 500

/** Opens a stage: records in, tagged records out. @throws ConfigError for wrong options, BundleError for an unusable model */
export async function createStage(options: StageOptions): Promise<Stage> {
  const resolved = resolveStageOptions(options)
  const { engine, rules } = await openEngine(resolved)
  const store = await openStore(resolved.store, { ...resolved, engine, rules }).catch(async error => {
    await engine.close()
    throw error
  })
  return new Stage(engine, store, rules, resolved)
}

/** A model at work on a stream of records. */
export class Stage {
  readonly #paths: readonly (readonly string[])[]
  readonly #judge: LineJudge

  /** @internal Use createStage. */
  constructor(
    readonly engine: Engine,
    readonly store: SessionStore,
    readonly rules: LineRules,
    readonly options: ResolvedStageOptions,
  ) {
    this.#paths = options.lineFields.map(field => field.split('.'))
    this.#judge = rules.join === undefined ? store : joining(store, rules.join, options.now)
  }

  /**
   * Tags records: each comes back with a field `logneo`, in order, and after the record that closed them, summaries of sessions (told by
   * `logneo.kind`). Strings are lines and come back as `{message}`. Calls are worked on in their order.
   *
   * @param timeMs time of records whose line holds none, in milliseconds since the epoch
   */
  async process(records: readonly (LogRecord | string)[], timeMs = Number.NaN): Promise<TaggedRecord[]> {
    const { verdicts, summaries } = await this.#judge.judge(records.map(record => this.input(record, timeMs)))
    const tagged: TaggedRecord[] = []
    let next = 0
    records.forEach((record, i) => {
      for (; next < summaries.length && summaries[next]!.after <= i; next++)
        tagged.push({ logneo: summaries[next]!.summary })
      const fields = typeof record === 'string' ? { message: record } : record
      tagged.push({ ...fields, logneo: trimVerdict(verdicts[i]!, this.options.fields) })
    })
    for (; next < summaries.length; next++) tagged.push({ logneo: summaries[next]!.summary })
    return tagged
  }

  /** Tags a stream of records as they come; ends with the summaries of the sessions then open. */
  async *processAll(
    records: AsyncIterable<LogRecord | string> | Iterable<LogRecord | string>,
    { complete = false }: { readonly complete?: boolean } = {},
  ): AsyncGenerator<TaggedRecord> {
    for await (const batch of batches(records, ITERATION_BATCH)) yield* await this.process(batch)
    for (const summary of await this.finish(complete ? 'complete' : 'open')) yield { logneo: summary }
  }

  /** The stage as a stream of objects, to pipe through. Its end closes the sessions as `open`. */
  transform(): Duplex {
    return Duplex.from((records: AsyncIterable<LogRecord | string>) => this.processAll(records))
  }

  /** Closes all sessions: `complete` when the input has really ended, `open` when it merely stopped; shared ones stay then. */
  async finish(reason: 'complete' | 'open'): Promise<SessionSummary[]> {
    const closed: SessionSummary[] = []
    await this.store.finish(reason, async summaries => {
      closed.push(...summaries)
    })
    return closed
  }

  /** Frees the model's thread and memory. */
  close(): Promise<void> {
    return this.store.close()
  }

  /** What the engine needs of a record. */
  input(record: LogRecord | string, timeMs: number): LineInput {
    if (typeof record === 'string') return { line: record, timeMs, part: this.rules.join && linePart(record) }
    for (const path of this.#paths) {
      const line = fieldText(record, path)
      if (line !== undefined) return { line, timeMs, record }
    }
    return { line: undefined, timeMs }
  }
}

/** Has lines that go on with an event share its verdict, as the model learnt them. Nothing waits for lines that are still to come. */
function joining(engine: LineJudge, join: NonNullable<LineRules['join']>, now: () => number): LineJudge {
  const joiner = new Joiner({
    inner: engine,
    options: {
      ...DEFAULT_JOIN_OPTIONS,
      traces: join.traces,
      ...(join.start !== undefined && { start: join.start }),
    },
    deliver() {},
    now,
  })
  joiner.hurry()
  return joiner
}
