import { isPlainWord, kindsOf } from './char-kind.js'
import { WILDCARD } from './mask.js'

/** Id of a token that no template holds. */
export const UNKNOWN = 0
/** Id of the token `<*>` that masks leave. */
export const MASKED = 1
/** Id of a place in a template that widening made a wildcard; no line's token has it. */
export const WIDENED = 2

const FNV_PRIME = 0x01000193
export const HASH_SEED = 0x811c9dc5 | 0

/** Adds a unit to a token's hash. */
export function hashUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, FNV_PRIME)
}

/**
 * Tokens of the templates as small integers, found by their characters without making strings (benchmark `drain`).
 * Counted by reference, so that tokens of forgotten clusters leave.
 */
export class TokenTable {
  /** 1 where the token is a plain word. */
  isWord = new Uint8Array(1_024)
  readonly #texts: string[] = []
  readonly #references: number[] = []
  readonly #free: number[] = []
  #hashes = new Int32Array(1_024)
  #chain = new Int32Array(1_024)
  #heads = new Int32Array(1_024)

  constructor() {
    this.#texts.push('', '', '')
    this.#references.push(1, 1, 1)
    this.#texts[WIDENED] = WILDCARD
    this.#texts[MASKED] = WILDCARD
    this.#link(MASKED, hashText(WILDCARD))
  }

  get size(): number {
    return this.#texts.length - this.#free.length
  }

  text(id: number): string {
    return this.#texts[id]!
  }

  /** The id of the token in `units[start, end)`, or UNKNOWN. */
  find(units: Uint16Array, start: number, end: number, hash: number): number {
    let id = this.#heads[slot(hash, this.#heads.length)]!
    for (; id !== UNKNOWN; id = this.#chain[id]!) {
      if (this.#hashes[id] === hash && equals(this.#texts[id]!, units, start, end)) return id
    }
    return UNKNOWN
  }

  /** The id of a text, made if need be; counts one reference. */
  intern(text: string): number {
    const hash = hashText(text)
    let id = this.#heads[slot(hash, this.#heads.length)]!
    while (id !== UNKNOWN && this.#texts[id] !== text) id = this.#chain[id]!
    if (id === UNKNOWN) id = this.#add(text, hash)
    this.#references[id]!++
    return id
  }

  /** Counts one reference less; the last one frees the id. */
  release(id: number): void {
    if (id <= WIDENED || --this.#references[id]! > 0) return
    const head = slot(this.#hashes[id]!, this.#heads.length)
    if (this.#heads[head] === id) this.#heads[head] = this.#chain[id]!
    else {
      let before = this.#heads[head]!
      while (this.#chain[before] !== id) before = this.#chain[before]!
      this.#chain[before] = this.#chain[id]!
    }
    this.#texts[id] = ''
    this.#free.push(id)
  }

  #add(text: string, hash: number): number {
    const id = this.#free.pop() ?? this.#texts.length
    if (id === this.#hashes.length) this.#grow()
    this.#texts[id] = text
    this.#references[id] = 0
    const kinds = kindsOf(text)
    this.isWord[id] = isPlainWord(kinds.all, kinds.first, kinds.last, kinds.numTrailing) ? 1 : 0
    this.#link(id, hash)
    return id
  }

  #link(id: number, hash: number): void {
    const head = slot(hash, this.#heads.length)
    this.#hashes[id] = hash
    this.#chain[id] = this.#heads[head]!
    this.#heads[head] = id
  }

  #grow(): void {
    const length = this.#hashes.length * 2
    const { isWord } = this
    const hashes = this.#hashes
    this.isWord = new Uint8Array(length)
    this.isWord.set(isWord)
    this.#hashes = new Int32Array(length)
    this.#chain = new Int32Array(length)
    this.#heads = new Int32Array(length)
    for (let id = MASKED; id < hashes.length; id++) {
      if (id !== WIDENED && this.#references[id]! > 0) this.#link(id, hashes[id]!)
    }
  }
}

/** Spreads the hash, whose low bits alone are weak. */
function slot(hash: number, size: number): number {
  return ((hash >>> 16) ^ hash) & (size - 1)
}

function hashText(text: string): number {
  let hash = HASH_SEED
  for (let i = 0; i < text.length; i++) hash = hashUnit(hash, text.charCodeAt(i))
  return hash
}

function equals(text: string, units: Uint16Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== units[start + i]) return false
  return true
}
