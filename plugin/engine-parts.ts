import type { Drain } from '../drain/drain.js'
import type { NextKey } from '../scorer/detectors/next-key.js'
import type { ScoringError } from '../scorer/errors.js'
import type { NextKeyScorer } from '../scorer/next-key-scorer.js'
import type { LogPositions } from './chunk.js'
import type { Examiner } from './examiner.js'
import type { Habits } from './habits/habits.js'
import type { Keys } from './keys.js'
import type { LineReader, LogRecord } from './line-reader.js'
import type { Pauses } from './pauses.js'
import type { ClosedSession } from './session.js'
import type { SessionSummary, Verdict } from './verdict.js'

/** A line to be judged. */
export interface LineInput {
  /** What tells whether it goes on with the line before it; missing where nobody asks. */
  readonly part?: LinePart | undefined
  /** Undefined when the record holds no line: it passes unscored. */
  readonly line: string | undefined
  /** Time of the entry, used when the line has none of its own; NaN if there is none. */
  readonly timeMs: number
  /** The record the line came in, for session ids kept in fields. */
  readonly record?: LogRecord | undefined
  /** The session id, if it is known already. */
  readonly sessionId?: string | undefined
  /** As Chunk.origin. */
  readonly origin?: string | undefined
}

/** A line as part of what a program wrote. */
export interface LinePart {
  /** Lines of one program, in order: its origin, tag, container and output. */
  readonly stream: string
  /** What the program wrote, without what its runtime put before it. */
  readonly content: string
  /** Whether the runtime broke the line and more of it follows; undefined where nothing says so. */
  readonly isBroken: boolean | undefined
  /** Whether the line came with its newline. Where a program's lines do, one without is broken. */
  readonly hasNewline: boolean
}

/** Judges lines in the order of the calls. */
export interface LineJudge {
  /** @param chunk the chunk that the lines are, where they are just that: who can answers it from the first result when it is sent again */
  judge(lines: readonly LineInput[], chunk?: ChunkIdentity): Promise<ChunkJudged>
}

/** What a chunk is known by when it is sent again. */
export interface ChunkIdentity {
  /** The same each time. */
  readonly name: string
  /** Of each line, where lines have positions: they are then known by these, however they are cut into chunks. */
  readonly log?: LogPositions | undefined
}

/** Verdicts of a chunk, or that it needs none. */
export interface ChunkJudged extends Judged {
  /** Whether the chunk was judged and delivered before, perhaps by another replica: there is nothing left to do. */
  readonly isDelivered?: boolean
}

/** Verdicts in the order of the lines, and summaries of the sessions that closed on the way. */
export interface Judged {
  readonly verdicts: Verdict[]
  readonly summaries: ClosedSummary[]
}

export interface ClosedSummary {
  /** How many of the lines came before it. */
  readonly after: number
  readonly summary: SessionSummary
}

/** What a model brings along. */
export interface EngineModel {
  readonly keys: Keys
  readonly scorer: NextKeyScorer
  readonly nextKey: NextKey
  readonly examiner: Examiner
  readonly habits: Habits
}

/** What an engine is made of. */
export interface EngineParts {
  readonly reader: LineReader
  readonly drain: Drain
  readonly pauses: Pauses
  /** Undefined while there is none: lines then pass as `learning`. */
  readonly model: EngineModel | undefined
  /** Told of each failure of the scorer. */
  readonly onScorerFailure?: (error: ScoringError) => void
  /** Whether sessions keep their histories. They do in any case while there is no model. Default false. */
  readonly keepsHistory?: boolean
  /** Takes the sessions that closed, in their order. */
  readonly collect?: ((closed: ClosedSession) => void) | undefined
}

/** What changes when another model takes over. */
export type EngineChange = Partial<Pick<EngineParts, 'reader' | 'drain' | 'pauses'>> & {
  readonly model: EngineModel
}
