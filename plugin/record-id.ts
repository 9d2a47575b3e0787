import { createHash, randomUUID } from 'node:crypto'

/** So that ids of a chunk sort as its records do. */
const PLACE_DIGITS = 4
/** Hash bytes kept: two of a thousand million chunks collide with a chance below one in 10^19. */
const ID_BYTES = 18

/**
 * What the ids of a chunk's records begin with. The same chunk sent again gives the same ids; a chunk that has no id of its own
 * is never sent again, so it gets a new one.
 */
export function recordIdBase(chunkId: string | undefined): string {
  return chunkId ?? randomUUID()
}

/**
 * Ids of the records of a chunk: by the chunk and the place in it, so that equal lines stay apart, and by what the record says, so that
 * a sender that uses its chunk ids again loses nothing.
 */
export class RecordIds {
  readonly #prefix: string

  constructor(base: string, tag: string) {
    const digest = createHash('sha256').update(`${base}\0${tag}`).digest()
    this.#prefix = digest.subarray(0, ID_BYTES).toString('base64url')
  }

  /** @returns at most 44 characters that any store takes */
  at(place: number, content: Uint8Array): string {
    return `${this.#prefix}-${place.toString(36).padStart(PLACE_DIGITS, '0')}-${hash53(content).toString(36)}`
  }
}

/** Odd numbers that spread bits well, as in MurmurHash. */
const MIX_LOW = 0x85ebca6b
const MIX_HIGH = 0xc2b2ae35

/** 53 bits of a content. It only tells contents at one place of one chunk apart, for which a cryptographic hash would be slow. */
function hash53(content: Uint8Array): number {
  let low = 0x9747b28c
  let high = 0x41c6ce57
  for (let i = 0; i < content.length; i++) {
    low = Math.imul(low ^ content[i]!, MIX_LOW)
    high = Math.imul(high ^ content[i]!, MIX_HIGH)
    high ^= low >>> 15
  }
  low = Math.imul(low ^ (low >>> 16), MIX_HIGH) ^ Math.imul(high ^ (high >>> 13), MIX_LOW)
  high = Math.imul(high ^ (high >>> 16), MIX_HIGH) ^ Math.imul(low ^ (low >>> 13), MIX_LOW)
  return (high & 0x1fffff) * 0x100000000 + (low >>> 0)
}
