import type { ChunkIdentity, ChunkJudged, LineInput, LineJudge } from '../engine-parts.js'
import type { SessionSummary } from '../verdict.js'

/**
 * Takes summaries of sessions that closed without a chunk; when it rejects, a shared store has them delivered later.
 *
 * @param name of these summaries, the same when they are delivered again, by this replica or another; missing where they never are
 */
export type Deliver = (summaries: readonly SessionSummary[], name?: string) => Promise<void>

/**
 * Where sessions live between chunks, and with them who judges: in this process (Engine), or in Redis, shared by replicas (RedisStore). One suite
 * holds all stores to the same behaviour (test/fixtures/plugin/store-suite.ts).
 */
export interface SessionStore extends LineJudge {
  /** Sessions held, those of other replicas included where they are shared. */
  readonly size: number
  /** Whether sessions can be reached. */
  readonly isReady: boolean
  /**
   * Judges the lines of a chunk in their order, after those of all calls before.
   *
   * @param chunk a store that is shared answers what is sent again from the first result
   * @throws StoreError when sessions cannot be reached; the chunk is not judged then and must be sent again
   */
  judge(lines: readonly LineInput[], chunk?: ChunkIdentity): Promise<ChunkJudged>
  /** Takes note that every output has a chunk, and nobody needs its verdicts. */
  delivered(chunk: ChunkIdentity): void
  /** Closes sessions: `complete` when the input has really ended. At `open` it merely stopped: shared sessions stay for the other replicas. */
  finish(reason: 'complete' | 'open', deliver: Deliver): Promise<void>
  /** Closes sessions that have been silent for too long by the wall clock (milliseconds); call it now and then on live streams. */
  tick(nowWallMs: number, deliver: Deliver): Promise<void>
  /** Closes the sessions of an origin (LineInput.origin) that another replica goes on with; shared ones stay. */
  release(origin: string, deliver: Deliver): Promise<void>
  /** Gives up what waits for a store that is away; call it before stopping waits for anything. */
  interrupt(): void
  /** Frees what is held. Sessions that are shared stay. */
  close(): Promise<void>
}
