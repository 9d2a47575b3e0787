import { BEGIN, END } from './vocabulary.js'

/** The log keys of one session as token ids. */
export interface TokenSequence {
  readonly tokens: Int32Array
  /** Whether the end was seen: only then is the end-of-session token a target. */
  readonly ended: boolean
}

/** A stretch of a session that fits the context: the model reads inputs and predicts targets from position `scoredFrom` on. */
export interface Segment {
  /** Position in the session of the first target, zero-based. */
  readonly start: number
  readonly inputs: Int32Array
  readonly targets: Int32Array
  readonly scoredFrom: number
}

/** A session's tokens (T) after BEGIN, and before END where that was seen (T + 1 or T + 2). Its targets are all but the first. */
export function withEdges({ tokens, ended }: TokenSequence): Int32Array {
  const all = new Int32Array(tokens.length + (ended ? 2 : 1))
  all[0] = BEGIN
  all.set(tokens, 1)
  if (ended) all[all.length - 1] = END
  return all
}

/**
 * Cuts a session into segments, each target in exactly one of them. The rule for sessions longer than the context C: the first segment holds
 * the begin token and what fits; when the context is full its older half is dropped and positions start again at 0, so every later target is
 * predicted from at least C/2 tokens. Scoring a live session follows the same rule.
 */
export function* segments(sequence: TokenSequence, contextLength: number): Generator<Segment> {
  const all = withEdges(sequence)
  const keep = contextLength >> 1
  let scoredFrom = 0
  for (let start = 0; start + scoredFrom < all.length - 1; start += contextLength - keep) {
    const stop = Math.min(start + contextLength, all.length - 1)
    yield { start, inputs: all.subarray(start, stop), targets: all.subarray(start + 1, stop + 1), scoredFrom }
    scoredFrom = keep
  }
}

/** How many segments sessions have, and how many tokens those hold on average. */
export function segmentFigures(
  sessions: readonly { readonly length: number; readonly ended: boolean }[],
  contextLength: number,
): { readonly count: number; readonly meanLength: number } {
  const keep = contextLength >> 1
  let count = 0
  let numTokens = 0
  for (const { length, ended } of sessions) {
    const numTargets = length + (ended ? 1 : 0)
    if (numTargets === 0) continue
    const numMore = Math.max(0, Math.ceil((numTargets - contextLength) / (contextLength - keep)))
    count += 1 + numMore
    numTokens += numTargets + numMore * keep
  }
  return { count, meanLength: numTokens / Math.max(1, count) }
}
