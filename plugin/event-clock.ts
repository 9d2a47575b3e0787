/** A line whose time lies further ahead than this is not believed at once, in milliseconds. */
const MAX_JUMP_MS = 600_000
/** Lines in a row that must agree before the clock follows them there. */
const WITNESSES = 3
/** An origin without lines for so long, by the wall clock, holds the others back no longer, in milliseconds. */
const MAX_SILENCE_MS = 30_000
/** How often silent origins are looked for. */
const LOOK_EVERY_MS = 1000

/** Time as the lines of one origin tell it. */
interface Hand {
  now: number
  /** Lines in a row that were far ahead. */
  numAhead: number
  seenWallMs: number
}

/**
 * Time as the log tells it: the highest time seen. One line with a clock gone wild must not end every session, so a jump far ahead counts only
 * once several lines in a row have made it.
 *
 * A log that comes in several parts at a time, such as the partitions of a topic, has a time for each part, as one may be read hours ahead of
 * another; it is as late as the part that is furthest behind and still comes. Within a part time never runs backward.
 */
export class EventClock {
  readonly #hands = new Map<string | undefined, Hand>()
  #now = Number.NEGATIVE_INFINITY
  #lookAtWallMs = Number.NEGATIVE_INFINITY

  /** @param wallClock in milliseconds */
  constructor(readonly wallClock: () => number = Date.now) {}

  /** Milliseconds since the epoch; -Infinity before the first line with a time. */
  get now(): number {
    return this.#now
  }

  /** Another clock that shows the same, to go on from here and be kept only if what follows counts. */
  copy(): EventClock {
    const copy = new EventClock(this.wallClock)
    for (const [origin, hand] of this.#hands) copy.#hands.set(origin, { ...hand })
    copy.#now = this.#now
    copy.#lookAtWallMs = this.#lookAtWallMs
    return copy
  }

  /**
   * Takes note of a line's time (NaN: it has none).
   *
   * @param origin the part of the log it came in, where there are several
   * @returns the time of that part
   */
  advance(timeMs: number, origin?: string): number {
    if (Number.isNaN(timeMs)) return this.#hands.get(origin)?.now ?? this.#now
    const hand = this.#handOf(origin)
    const before = hand.now
    move(hand, timeMs)
    if (this.#hands.size === 1) this.#now = hand.now
    else this.#lookAround(hand, before)
    return hand.now
  }

  /** Another goes on with this part of the log. */
  forget(origin: string): void {
    if (this.#hands.delete(origin) && this.#hands.size > 0) this.#now = this.#earliest()
  }

  #handOf(origin: string | undefined): Hand {
    const known = this.#hands.get(origin)
    if (known !== undefined) return known
    const hand = { now: Number.NEGATIVE_INFINITY, numAhead: 0, seenWallMs: 0 }
    this.#hands.set(origin, hand)
    return hand
  }

  #lookAround(moved: Hand, before: number): void {
    const wallMs = this.wallClock()
    moved.seenWallMs = wallMs
    if (wallMs >= this.#lookAtWallMs) {
      this.#lookAtWallMs = wallMs + LOOK_EVERY_MS
      for (const [origin, { seenWallMs }] of this.#hands)
        if (wallMs - seenWallMs > MAX_SILENCE_MS) this.#hands.delete(origin)
      this.#now = this.#earliest()
    } else if (before <= this.#now) this.#now = this.#earliest()
  }

  #earliest(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const { now } of this.#hands.values()) if (now < earliest) earliest = now
    return earliest
  }
}

function move(hand: Hand, timeMs: number): void {
  if (timeMs <= hand.now) {
    hand.numAhead = 0
    return
  }
  const isFar = timeMs > hand.now + MAX_JUMP_MS && hand.now !== Number.NEGATIVE_INFINITY
  hand.numAhead = isFar ? hand.numAhead + 1 : 0
  if (isFar && hand.numAhead < WITNESSES) return
  hand.now = timeMs
  hand.numAhead = 0
}
