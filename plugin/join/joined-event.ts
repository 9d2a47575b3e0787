import type { LineInput, LinePart } from '../engine-parts.js'
import type { Verdict } from '../verdict.js'
import { joinedLine } from './pieces.js'

/** Lines that are judged as one, and their verdict once it is there. */
export class JoinedEvent {
  /** Since when it waits for pieces, in milliseconds. */
  waitingSince: number | undefined
  /** The verdict, once it is there. */
  verdict: Verdict | undefined
  /** Let go of with the verdict: an event is remembered long after its line. */
  #first: LineInput | undefined
  /** Why there will be no verdict. */
  failure: { readonly error: unknown } | undefined
  /** What the program wrote in the pieces so far, where there are several. */
  #content: string[] | undefined
  #length = 0
  #wait: Promise<Verdict> | undefined
  #settle = (_: Verdict): void => {}
  #fail = (_: unknown): void => {}

  /** @param first its first line, or the first piece of that */
  constructor(first: LineInput) {
    this.#first = first
  }

  get isWaiting(): boolean {
    return this.waitingSince !== undefined
  }

  /** Takes the next piece of the first line. What is beyond `maxLength` is left out. */
  addPiece({ content }: LinePart, maxLength: number): void {
    this.#content ??= [this.#first!.part!.content]
    if (this.#length === 0) this.#length = this.#content[0]!.length
    const kept = content.slice(0, Math.max(0, maxLength - this.#length))
    this.#length += kept.length
    if (kept !== '') this.#content.push(kept)
  }

  /** What is to be judged. */
  input(): LineInput {
    const first = this.#first!
    if (this.#content === undefined) return first
    return { ...first, line: joinedLine(first.line!, this.#content.join('')) }
  }

  /** Resolves with the verdict. */
  wait(): Promise<Verdict> {
    if (this.verdict !== undefined) return Promise.resolve(this.verdict)
    if (this.failure !== undefined) return Promise.reject(this.failure.error)
    this.#wait ??= new Promise((resolve, reject) => {
      this.#settle = resolve
      this.#fail = reject
    })
    return this.#wait
  }

  settle(verdict: Verdict): void {
    this.verdict = verdict
    this.#first = undefined
    this.#content = undefined
    this.#settle(verdict)
  }

  /** For those who wait: there will be no verdict. */
  fail(error: unknown): void {
    this.failure = { error }
    this.#fail(error)
  }
}

/** The verdict of a line that goes on with an event: that it does, and how the event stands, but no anomaly of its own. */
export function continuationOf({ status, session, score, severity, model }: Verdict): Verdict {
  return {
    status,
    ...(status === 'scored' && { anomaly: false }),
    ...(score !== undefined && { score }),
    ...(severity !== undefined && { severity }),
    ...(session !== undefined && { session }),
    ...(model !== undefined && { model }),
    continuation: true,
  }
}
