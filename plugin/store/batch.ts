import type { ChunkIdentity, ChunkJudged, ClosedSummary, Judged, LineInput } from '../engine-parts.js'
import type { EventClock } from '../event-clock.js'
import type { LineReader } from '../line-reader.js'

/** A chunk that waits for its verdicts. */
export interface WaitingChunk {
  readonly lines: readonly LineInput[]
  readonly identity: ChunkIdentity | undefined
  readonly resolve: (judged: ChunkJudged) => void
  readonly reject: (error: unknown) => void
}

/** What lines say about the sessions they need. */
export interface Need {
  /** The lines, their session ids filled in. */
  readonly lines: readonly LineInput[]
  /** The ids, each once. */
  readonly ids: ReadonlySet<string>
  /** The highest time that the event clock shows on the way through the lines; -Infinity where none has one. */
  readonly upToMs: number
}

/** Chunks from the front of a queue that are judged together: up to `maxLines`, of a name or a log one, at least one. */
export function takeBatch(queue: WaitingChunk[], maxLines: number): WaitingChunk[] {
  const names = new Set<string>()
  let numLines = 0
  let count = 0
  for (const { lines, identity } of queue) {
    const name = identity?.log?.name ?? identity?.name
    const isTwice = name !== undefined && names.has(name)
    if (count > 0 && (isTwice || numLines + lines.length > maxLines)) break
    if (name !== undefined) names.add(name)
    numLines += lines.length
    count++
  }
  return queue.splice(0, count)
}

/** Reads of lines what tells their sessions. @param clock is moved on by them */
export function readNeed(
  chunks: readonly Pick<WaitingChunk, 'lines'>[],
  reader: LineReader,
  clock: EventClock,
): Need {
  const ids = new Set<string>()
  const lines: LineInput[] = []
  let upToMs = Number.NEGATIVE_INFINITY
  for (const input of chunks.flatMap(({ lines }) => lines)) {
    if (input.line === undefined) {
      lines.push(input)
      continue
    }
    reader.read(input.line)
    const { timeMs } = reader.slots
    const lineMs = Number.isNaN(timeMs) ? input.timeMs : timeMs
    clock.advance(lineMs, input.origin)
    if (clock.now > upToMs) upToMs = clock.now
    const sessionId = input.sessionId ?? reader.session(input.line, input.record)
    if (sessionId !== undefined) ids.add(sessionId)
    lines.push({ ...input, sessionId })
  }
  return { lines, ids, upToMs }
}

/** What was judged together, by chunk. A summary goes with the first chunk whose lines it comes before or after. */
export function splitJudged(judged: Judged, sizes: readonly number[]): Judged[] {
  let begin = 0
  let next = 0
  return sizes.map((size, i) => {
    const end = begin + size
    const isLast = i === sizes.length - 1
    const summaries: ClosedSummary[] = []
    for (; next < judged.summaries.length; next++) {
      const { after, summary } = judged.summaries[next]!
      if (after > end && !isLast) break
      summaries.push({ after: after - begin, summary })
    }
    const verdicts = judged.verdicts.slice(begin, end)
    begin = end
    return { verdicts, summaries }
  })
}
