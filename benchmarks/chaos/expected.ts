import { createStage } from '../../plugin/stage.js'
import type { StageOptions } from '../../plugin/stage-options.js'
import type { Replay } from '../replay.js'
import { verdictCode } from './verdict-code.js'

/** Lines that travel together. */
export interface Batch {
  /** Number of the first one. */
  readonly first: number
  readonly lines: readonly string[]
}

/** The first `total` lines of a log replayed again and again, in batches. */
export function* batchesOf(replay: Replay, total: number, size: number): Generator<Batch> {
  let first = 0
  for (let number = 0; first < total; number++) {
    const lines = replay.linesOf(number)
    for (let from = 0; from < lines.length && first < total; from += size) {
      const batch = { first, lines: lines.slice(from, Math.min(from + size, from + total - first)) }
      yield batch
      first += batch.lines.length
    }
  }
}

/** What an undisturbed stage says of numbered lines. */
export interface Expected {
  readonly total: number
  /** As `verdictCode`. */
  readonly codes: Uint32Array
  readonly scores: Float32Array
  /** Sessions are numbered in order of their first line. */
  readonly sessions: Uint32Array
  readonly numSessions: number
}

const BATCH = 1000

/** Judges the first `total` lines in this process, in one go. */
export async function expectedOf(options: StageOptions, replay: Replay, total: number): Promise<Expected> {
  const codes = new Uint32Array(total)
  const scores = new Float32Array(total)
  const sessions = new Uint32Array(total)
  const numbers = new Map<string, number>()
  const stage = await createStage(options)
  for (const { first, lines } of batchesOf(replay, total, BATCH)) {
    const { verdicts } = await stage.engine.judge(lines.map(line => ({ line, timeMs: Number.NaN })))
    verdicts.forEach((verdict, i) => {
      const { session = '', score = 0 } = verdict
      if (!numbers.has(session)) numbers.set(session, numbers.size)
      codes[first + i] = verdictCode(verdict)
      scores[first + i] = score
      sessions[first + i] = numbers.get(session)!
    })
  }
  await stage.close()
  return { total, codes, scores, sessions, numSessions: numbers.size }
}
