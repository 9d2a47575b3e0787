import { type Chunk, entryTimeMs } from './chunk.js'
import type { Judged, LineInput } from './engine-parts.js'
import type { Observer } from './observer.js'
import { RecentLines } from './recent-lines.js'
import { RecordIds, recordIdBase } from './record-id.js'
import type { SessionSummary } from './verdict.js'

const NOTHING = new Uint8Array(0)

/** Tells observers what was found in each chunk, with the lines before it. */
export class Watch {
  readonly #recent = new RecentLines()

  constructor(
    readonly observers: readonly Observer[],
    readonly now: () => number,
  ) {}

  /** @param places of the inputs among the chunk's entries */
  chunk(chunk: Chunk, inputs: readonly LineInput[], places: readonly number[], judged: Judged): void {
    let ids: RecordIds | undefined
    let next = 0
    judged.verdicts.forEach((verdict, i) => {
      for (; next < judged.summaries.length && judged.summaries[next]!.after <= i; next++)
        this.closed(judged.summaries[next]!.summary)
      const line = inputs[i]!.line ?? ''
      const { session } = verdict
      if (verdict.anomaly === true) {
        ids ??= new RecordIds(recordIdBase(chunk.chunkId), chunk.tag)
        const id = ids.at(places[i]!, Buffer.from(line))
        const timeMs = entryTimeMs(chunk.entries, places[i]!)
        this.#tell(observer =>
          observer.flagged({
            id,
            tag: chunk.tag,
            timeMs: Number.isFinite(timeMs) ? timeMs : this.now(),
            line,
            context: session === undefined ? [] : this.#recent.before(session),
            verdict,
          }),
        )
      }
      if (session !== undefined) this.#recent.add(session, line)
    })
    for (; next < judged.summaries.length; next++) this.closed(judged.summaries[next]!.summary)
  }

  closed(summary: SessionSummary): void {
    const { session, started, ended, events, model } = summary
    // Without times another session may look the same.
    const base = recordIdBase(started === undefined ? undefined : '')
    const content = JSON.stringify([session, started, ended, events, model])
    const event = {
      id: new RecordIds(base, `session ${content}`).at(0, NOTHING),
      seenMs: this.now(),
      context: this.#recent.take(session),
      summary,
    }
    this.#tell(observer => observer.closed(event))
  }

  #tell(what: (observer: Observer) => void): void {
    for (const observer of this.observers) what(observer)
  }
}
