import { createHash, randomUUID } from 'node:crypto'

/** Hash bytes kept: two of a thousand million records collide with a chance below one in 10^19. */
const ID_BYTES = 18

/**
 * What the ids of a chunk's records begin with. The same chunk sent again gives the same ids; a chunk that has no id of its own
 * is never sent again, so it gets a new one.
 */
export function recordIdBase(chunkId: string | undefined): string {
  return chunkId ?? randomUUID()
}

/**
 * Id of a record: by its chunk and place, so that equal lines stay apart, and by what it says, so that a sender that uses its chunk
 * ids again loses nothing.
 *
 * @returns 24 characters that any store takes
 */
export function recordId(base: string, tag: string, place: number, content: Uint8Array | string): string {
  const digest = createHash('sha256').update(`${base}\0${tag}\0${place}\0`).update(content).digest()
  return digest.subarray(0, ID_BYTES).toString('base64url')
}
