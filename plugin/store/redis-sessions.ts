import { randomBytes } from 'node:crypto'
import type { Counters, LogPositions } from '../chunk.js'
import type { RedisArgument, RedisClient } from './redis-client.js'
import { RedisKeys } from './redis-keys.js'
import type { ResolvedRedisStoreOptions } from './redis-options.js'
import { COMMIT, LOAD, RENEW, RETAKE, SETTLE } from './redis-scripts.js'
import { type CarriedSessions, type CodecModel, SessionCodec } from './session-codec.js'

const VERSION_BYTES = 8
/** Ids beside those of a batch that one load brings: due, silent or in the way. */
export const MAX_OTHERS = 500
/** A replica that wrote nothing for so long no longer holds back the closing of idle sessions, in milliseconds. */
export const CLOCK_MAX_AGE_MS = 30_000
/** How long summaries are left to who closed their sessions, before another replica delivers them, in milliseconds. */
export const OUTBOX_LEASE_MS = 30_000
/** Results in the outbox that are taken up at a time. */
const MAX_RETAKEN = 10
const NOTHING = Buffer.alloc(0)
/** What is stored of a chunk once it was delivered. */
export const DELIVERED_MARK = Buffer.from('delivered')

/** What a batch needs. */
export interface LoadRequest {
  readonly ids: readonly string[]
  /** Names of chunks that may have been judged before. */
  readonly chunks: readonly string[]
  /** Logs of which lines from a position on may have been judged before. */
  readonly logs: readonly { readonly name: string; readonly from: number }[]
  /** The highest event time of the batch and before; -Infinity where there is none. */
  readonly upToMs: number
  readonly wallMs: number
  /** Ids not touched since then, by the wall clock, are wanted too. */
  readonly silentSinceMs?: number
  readonly maxSessions: number
}

/** What an id holds, as of a version. */
export interface LoadedSessions {
  readonly id: string
  /** Empty where the id holds nothing yet. */
  readonly version: Buffer
  readonly carried: CarriedSessions | undefined
}

export interface Loaded {
  /** Number of commits so far. */
  readonly seq: number
  /** Ids held altogether. */
  readonly numHeld: number
  /** Of each chunk asked about, what was stored when it was judged, or DELIVERED_MARK. */
  readonly chunks: readonly (Buffer | undefined)[]
  /** Of each log asked about, what was stored when pieces of it were judged. */
  readonly pieces: readonly (readonly Buffer[])[]
  readonly wanted: readonly LoadedSessions[]
  readonly others: readonly LoadedSessions[]
}

/** What a batch did to an id. */
export interface Change {
  readonly id: string
  /** As loaded. */
  readonly version: Buffer
  /** What it holds now; undefined where nothing. */
  readonly carried: CarriedSessions | undefined
  /** Event time after which it is idle; NaN where that is not known yet. */
  readonly dueMs: number
  readonly touchedWallMs: number
}

/** What is kept of a chunk until it is sent again, or delivered. */
export interface StoredChunk {
  readonly name: string
  readonly value: Buffer
  /** Where its lines have positions. */
  readonly log?: LogPositions | undefined
}

export interface Commit {
  readonly changes: readonly Change[]
  readonly chunks: readonly StoredChunk[]
  /** The event clock; -Infinity before the first time. */
  readonly clockMs: number
  readonly wallMs: number
  /** The chunk among `chunks` whose summaries another replica is to deliver if this one does not come to it. */
  readonly outbox?: string
}

export interface Outcome {
  /** False where another replica changed a session, or judged a chunk, meanwhile: nothing was written. */
  readonly isDone: boolean
  /** Ids held altogether by then. */
  readonly numHeld: number
}

/** Sessions of one model in Redis: what is asked of the scripts, and what they answer, in our terms. */
export class RedisSessions {
  readonly #codec = new SessionCodec()

  constructor(
    readonly client: RedisClient,
    readonly keys: RedisKeys,
    readonly model: CodecModel,
    readonly replica: string,
    readonly options: ResolvedRedisStoreOptions,
    readonly counters: Counters,
  ) {}

  /** @throws StoreError */
  async load(request: LoadRequest): Promise<Loaded> {
    const { keys } = this
    const members = request.ids.map(RedisKeys.member)
    const reply = await this.client.run(
      LOAD,
      [
        ...[keys.due, keys.touched, keys.clocks, keys.seq],
        ...request.chunks.map(name => keys.chunks + RedisKeys.member(name)),
        ...request.logs.map(({ name }) => keys.logs + RedisKeys.member(name)),
        ...members.map(member => keys.sessions + member),
      ],
      [
        ...[keys.sessions, request.wallMs, this.replica, timeArgument(request.upToMs), CLOCK_MAX_AGE_MS],
        ...[request.maxSessions, MAX_OTHERS, request.chunks.length, request.logs.length],
        ...[request.silentSinceMs ?? '', ...request.logs.map(({ from }) => from), ...members],
      ],
    )
    const [seq, numHeld, chunks, pieces, wanted, others] = reply as LoadReply
    return {
      seq,
      numHeld,
      chunks: chunks.map(value =>
        value === null || value.length === 0 ? undefined : value.subarray(VERSION_BYTES),
      ),
      pieces: pieces.map(values => values.map(value => value.subarray(VERSION_BYTES))),
      wanted: request.ids.map((id, i) => this.#read(wanted[i] ?? undefined, id)),
      others: pairs(others).map(([member, value]) => this.#read(value, undefined, member.toString())),
    }
  }

  /** A commit that may be sent again until it is answered: it is done once. Its function throws StoreError. */
  prepare(commit: Commit): () => Promise<Outcome> {
    const version = randomBytes(VERSION_BYTES)
    const { keys } = this
    const { options, replica } = this
    const members = commit.changes.map(({ id }) => RedisKeys.member(id))
    const outbox = commit.outbox === undefined ? '' : RedisKeys.member(commit.outbox)
    const allKeys = [
      ...[keys.due, keys.touched, keys.clocks, keys.seq, keys.outbox],
      ...commit.chunks.map(chunk => this.#chunkKey(chunk)),
      ...members.map(member => keys.sessions + member),
    ]
    const args: RedisArgument[] = [
      ...[version, commit.wallMs, replica, timeArgument(commit.clockMs), options.rememberChunksMs],
      ...[options.expireMs, commit.chunks.length, outbox, commit.wallMs + OUTBOX_LEASE_MS],
      ...commit.chunks.flatMap(chunk => this.#chunkArguments(chunk, version)),
    ]
    for (const [i, change] of commit.changes.entries())
      args.push(members[i]!, ...this.#changeArguments(change, version))
    return async () => {
      const [isDone, numHeld] = (await this.client.run(COMMIT, allKeys, args)) as [number, number]
      return { isDone: isDone === 1, numHeld }
    }
  }

  /** Notes that a chunk was delivered: its verdicts are not needed any more, only its name. @throws StoreError */
  async forgetVerdicts(chunk: string): Promise<void> {
    const key = this.keys.chunks + RedisKeys.member(chunk)
    const value = Buffer.concat([randomBytes(VERSION_BYTES), DELIVERED_MARK])
    await this.client.call('set', key, value, 'PX', this.options.rememberChunksMs, 'XX')
  }

  /** Takes up results in the outbox that nobody delivered in time. @throws StoreError */
  async retake(wallMs: number): Promise<{ readonly name: string; readonly value: Buffer }[]> {
    const args = [this.keys.chunks, wallMs, wallMs + OUTBOX_LEASE_MS, MAX_RETAKEN]
    const reply = await this.client.run(RETAKE, [this.keys.outbox], args)
    return pairs(reply as Buffer[]).map(([name, value]) => ({
      name: name.toString(),
      value: value.subarray(VERSION_BYTES),
    }))
  }

  /** Keeps a result in the outbox to us for another while. @param name as for `settle` @throws StoreError */
  async renew(name: string, wallMs: number): Promise<void> {
    const member = RedisKeys.member(name)
    const keys = [this.keys.outbox, this.keys.chunks + member]
    await this.client.run(RENEW, keys, [member, wallMs + OUTBOX_LEASE_MS, this.options.rememberChunksMs])
  }

  /** Takes a result that was delivered out of the outbox. @param name as `retake` gave it or its commit named it @throws StoreError */
  async settle(name: string): Promise<void> {
    const member = RedisKeys.member(name)
    await this.client.run(SETTLE, [this.keys.outbox, this.keys.chunks + member], [member])
  }

  /** No longer holds back the closing of idle sessions. @throws StoreError */
  async leave(): Promise<void> {
    await this.client.call('hdel', this.keys.clocks, this.replica)
  }

  /** What cannot be read counts as nothing, and is written over or deleted as what it is. */
  #read(value: Buffer | undefined, id: string | undefined, member = ''): LoadedSessions {
    if (value === undefined) return { id: id ?? member, version: NOTHING, carried: undefined }
    const version = value.subarray(0, VERSION_BYTES)
    try {
      const carried = this.#codec.decode(value.subarray(VERSION_BYTES), this.model)
      if (carried.id === (id ?? carried.id)) return { id: carried.id, version, carried }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
    this.counters.increment('store_unreadable_total')
    return { id: id ?? member, version, carried: undefined }
  }

  /** That of a piece of a log is its first position: who judges it a second time meets it there. */
  #chunkKey({ name, log }: StoredChunk): string {
    const { keys } = this
    if (log === undefined) return keys.chunks + RedisKeys.member(name)
    return `${keys.logs}${RedisKeys.member(log.name)}:${log.positions[0]}`
  }

  #chunkArguments({ value, log }: StoredChunk, version: Buffer): RedisArgument[] {
    const stored = Buffer.concat([version, value])
    if (log === undefined) return [stored, '', '', '']
    return [stored, this.keys.logs + RedisKeys.member(log.name), log.positions[0]!, log.positions.at(-1)!]
  }

  #changeArguments({ carried, version, dueMs, touchedWallMs }: Change, next: Buffer): RedisArgument[] {
    if (carried === undefined) return [version, '', '', '']
    const value = Buffer.concat([next, this.#codec.encode(carried)])
    return [version, value, Number.isFinite(dueMs) ? dueMs : '-inf', touchedWallMs]
  }
}

type LoadReply = [
  seq: number,
  numHeld: number,
  chunks: (Buffer | null)[],
  pieces: Buffer[][],
  wanted: (Buffer | null)[],
  others: Buffer[],
]

function timeArgument(ms: number): RedisArgument {
  return Number.isFinite(ms) ? ms : ''
}

function pairs(flat: readonly Buffer[]): [first: Buffer, second: Buffer][] {
  return Array.from({ length: flat.length >> 1 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!])
}
