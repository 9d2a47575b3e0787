import type { ClosedSummary, Judged } from '../engine-parts.js'
import type { Verdict } from '../verdict.js'
import type { WaitingChunk } from './batch.js'

/** Lines of a log that were judged together, by their positions. */
export type Piece = Judged & { readonly positions: readonly number[] }

/** What pieces tell of a chunk. */
export interface FromPieces {
  /** The chunk's lines that are in no piece; undefined where there are none. */
  readonly rest: WaitingChunk | undefined
  /** How many are in pieces. */
  readonly numKnown: number
}

/**
 * Answers lines of a chunk that were judged before, perhaps cut otherwise, by their first verdicts. When all are known the chunk is answered; else
 * it is when its rest is.
 */
export function answerFromPieces(chunk: WaitingChunk, pieces: readonly Piece[]): FromPieces {
  const { name, log } = chunk.identity!
  const { positions } = log!
  const known = new Map<number, Verdict>()
  for (const piece of pieces)
    piece.positions.forEach((position, i) => {
      if (piece.verdicts[i] !== undefined) known.set(position, piece.verdicts[i])
    })
  const isKnown = positions.map(position => known.has(position))
  const numKnown = isKnown.filter(Boolean).length
  if (numKnown === 0) return { rest: chunk, numKnown }
  const summaries = pieces.flatMap(piece => moved(piece, positions))
  const resolve = (rest: Judged): void => chunk.resolve(merged(rest, positions, known, summaries))
  if (numKnown === positions.length) {
    resolve({ verdicts: [], summaries: [] })
    return { rest: undefined, numKnown }
  }
  const isNew = (_: unknown, i: number): boolean => !isKnown[i]
  return {
    rest: {
      ...chunk,
      lines: chunk.lines.filter(isNew),
      identity: { name, log: { ...log!, positions: positions.filter(isNew) } },
      resolve,
    },
    numKnown,
  }
}

/** Summaries of a piece, placed among the lines of a chunk; those that belong to lines before or after it are left out. */
function moved({ summaries, positions }: Piece, wanted: readonly number[]): ClosedSummary[] {
  return summaries.flatMap(({ after, summary }) => {
    const last = after === 0 ? positions[0]! - 1 : positions[after - 1]!
    const isBefore = after > 0 && last < wanted[0]!
    if (isBefore || last > wanted.at(-1)!) return []
    return { after: wanted.filter(position => position <= last).length, summary }
  })
}

function merged(
  rest: Judged,
  positions: readonly number[],
  known: ReadonlyMap<number, Verdict>,
  summaries: readonly ClosedSummary[],
): Judged {
  const verdicts: Verdict[] = []
  /** How many of all lines come before each line of the rest, and before its end. */
  const before: number[] = []
  for (const [i, position] of positions.entries()) {
    const first = known.get(position)
    if (first === undefined) before.push(i)
    verdicts.push(first ?? rest.verdicts[before.length - 1]!)
  }
  before.push(positions.length)
  const placed = rest.summaries.map(({ after, summary }) => ({ after: before[after]!, summary }))
  return { verdicts, summaries: [...summaries, ...placed].sort((a, b) => a.after - b.after) }
}
