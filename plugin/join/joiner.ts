import { LRUCache } from 'lru-cache'
import type { ClosedSummary, Judged, LineInput, LineJudge, LinePart } from '../engine-parts.js'
import { continuationOf, JoinedEvent } from './joined-event.js'
import type { ResolvedJoinOptions } from './options.js'
import { streamPrefix } from './part-reader.js'
import { EventTeller, ProgramLines } from './program-lines.js'

/** A program and its latest event. */
interface Stream {
  readonly lines: ProgramLines
  event: JoinedEvent
}

export interface JoinerParts {
  readonly inner: LineJudge
  readonly options: ResolvedJoinOptions
  /** Takes summaries of sessions that were closed by lines nobody waits for any longer. */
  readonly deliver: (summaries: readonly ClosedSummary[]) => void
  readonly now: () => number
}

/**
 * Has each event judged once: by its first line, put together from its pieces. Lines that go on with an event share its verdict and are not
 * judged. A line whose pieces are not all there waits for them, and with it whoever asked for its verdict, up to a timeout.
 */
export class Joiner implements LineJudge {
  readonly #streams: LRUCache<string, Stream>
  readonly #teller: EventTeller
  /** Events that wait for pieces, the oldest first. */
  readonly #waiting = new Set<JoinedEvent>()
  #numEvents = 0
  #timer: NodeJS.Timeout | undefined
  #isHurried = false

  /** @throws PatternError when the pattern of `start` cannot be used */
  constructor(readonly parts: JoinerParts) {
    this.#teller = new EventTeller(parts.options)
    this.#streams = new LRUCache({ max: parts.options.maxStreams })
  }

  async judge(lines: readonly LineInput[]): Promise<Judged> {
    const owners: JoinedEvent[] = []
    /** Whether each line is the first of its event. */
    const areFirst: boolean[] = []
    const ready: JoinedEvent[] = []
    /** Of each event that is ready, how many lines had come by then. */
    const numBefore: number[] = []
    for (const line of lines) {
      const numEvents = this.#numEvents
      owners.push(this.#place(line, ready))
      areFirst.push(this.#numEvents > numEvents)
      while (numBefore.length < ready.length) numBefore.push(owners.length)
    }
    this.#watch()
    const summaries = await this.#judgeReady(ready)
    // Those whose pieces come in later calls.
    for (const owner of owners) if (owner.verdict === undefined) await owner.wait()
    return {
      verdicts: owners.map((owner, i) => (areFirst[i] ? owner.verdict! : continuationOf(owner.verdict!))),
      summaries: summaries.map(({ after, summary }) => ({
        after: after === 0 ? 0 : numBefore[after - 1]!,
        summary,
      })),
    }
  }

  /** Waits for no more pieces: what is there is judged, and from now on at once. */
  hurry(): void {
    this.#isHurried = true
    this.#expire(Number.POSITIVE_INFINITY)
    this.#watch()
  }

  /** Forgets the programs of an origin (LineInput.origin) that another replica goes on with: what comes from it later may not go on with our lines. */
  release(origin: string): void {
    const prefix = streamPrefix(origin)
    for (const stream of [...this.#streams.keys()])
      if (stream.startsWith(prefix)) this.#streams.delete(stream)
  }

  /** The event a line belongs to; events that are complete by it are added to `ready`. */
  #place(line: LineInput, ready: JoinedEvent[]): JoinedEvent {
    const { part } = line
    if (part === undefined) return this.#begin(line, ready)
    const now = this.parts.now()
    const stream = this.#streams.get(part.stream)
    if (stream?.event.failure) stream.lines.forget()
    const lines = stream?.lines ?? new ProgramLines(this.#teller)
    if (lines.next(part, now)) {
      this.#extend(stream!.event, part, lines.isBroken, ready)
      return stream!.event
    }
    if (stream?.event.isWaiting) this.#complete(stream.event, ready)
    const event = this.#begin(line, lines.isBroken && !this.#isHurried ? undefined : ready)
    if (stream !== undefined) stream.event = event
    else this.#streams.set(part.stream, { lines, event })
    return event
  }

  /** @param ready takes the event; missing: it waits for pieces first */
  #begin(line: LineInput, ready: JoinedEvent[] | undefined): JoinedEvent {
    this.#numEvents++
    const event = new JoinedEvent(line)
    if (ready === undefined) {
      event.waitingSince = this.parts.now()
      this.#waiting.add(event)
    } else {
      ready.push(event)
    }
    return event
  }

  #extend(event: JoinedEvent, part: LinePart, isBroken: boolean, ready: JoinedEvent[]): void {
    if (!event.isWaiting) return
    event.addPiece(part, this.parts.options.maxLength)
    if (!isBroken) this.#complete(event, ready)
  }

  #complete(event: JoinedEvent, ready: JoinedEvent[]): void {
    event.waitingSince = undefined
    this.#waiting.delete(event)
    ready.push(event)
  }

  async #judgeReady(ready: readonly JoinedEvent[]): Promise<readonly ClosedSummary[]> {
    try {
      const { verdicts, summaries } = await this.parts.inner.judge(ready.map(event => event.input()))
      ready.forEach((event, i) => {
        event.settle(verdicts[i]!)
      })
      return summaries
    } catch (error) {
      for (const event of ready) event.fail(error)
      throw error
    }
  }

  /** Sees to it that nothing waits for longer than it may. */
  #watch(): void {
    const [oldest] = this.#waiting
    if (oldest === undefined) {
      clearTimeout(this.#timer)
      this.#timer = undefined
    }
    if (oldest === undefined || this.#timer !== undefined) return
    const waitedMs = this.parts.now() - oldest.waitingSince!
    const delayMs = Math.max(1, this.parts.options.timeoutMs - waitedMs)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#expire(this.parts.now() - this.parts.options.timeoutMs)
      this.#watch()
    }, delayMs)
  }

  /** Has events judged that wait since `since` or longer, although pieces are missing. */
  #expire(since: number): void {
    const ready: JoinedEvent[] = []
    for (const event of this.#waiting) if (event.waitingSince! <= since) this.#complete(event, ready)
    if (ready.length === 0) return
    // Who waits for the verdicts hears of a failure.
    this.#judgeReady(ready).then(
      summaries => this.parts.deliver(summaries),
      () => {},
    )
  }
}
