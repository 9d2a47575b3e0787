import type { Chunk, ChunkHandler } from '../chunk.js'

/** Where chunks come from, beside the files that are read once. */
export interface Input {
  /** For messages: `http 127.0.0.1:8080`; complete once it listens. */
  readonly name: string
  /** Starts to take chunks. Rejects when that cannot be. */
  start(): Promise<void>
  /** Takes nothing more, waits for what is under way as long as its options say, and ends. */
  close(): Promise<void>
}

/**
 * Makes an input that hands its chunks to `take`; a chunk may be acknowledged to its sender once `take` resolved, and must be repeated when it
 * rejected. `release` is told which `origin` of chunks another replica goes on with, when none of its chunks is under way any more;
 * `settled`, which chunk was delivered although `take` rejected it, so that it will not be repeated.
 */
export type InputFactory = (
  take: ChunkHandler,
  ownTagPrefix: string,
  release: (origin: string) => void,
  settled: (chunk: Chunk) => void,
) => Input
