import { setTimeout as sleep } from 'node:timers/promises'
import type { Batch, Expected } from './expected.js'
import type { FaultKind } from './fault.js'
import type { Link, Network, Side } from './network.js'
import type { Part } from './part.js'

export interface TopologyOptions {
  /** Bundle of the stage. */
  readonly model: string
  /** Where it may leave files. */
  readonly folder: string
  /** Undefined: everything runs on this machine as it is, and no network is cut. */
  readonly network: Network | undefined
  /** What tells the sessions of the records. */
  readonly expected: Expected
}

/** A pipeline at work, and what can go wrong with it. */
export interface Topology {
  readonly kinds: readonly FaultKind[]
  /** Our programs in it. */
  readonly parts: readonly Part[]
  /** File where its receiver notes what arrived. */
  readonly journal: string
  /** Whether each record is to arrive exactly once, whatever happens. */
  readonly isExactlyOnce: boolean
  /** Hands lines in; resolves when there is room for more. */
  send(batch: Batch): Promise<void>
  /** How often each record went in, where a sender may repeat itself unnoticed; undefined: once each. */
  copies?(total: number): Promise<Uint8Array>
  stop(): Promise<void>
}

/**
 * Of every stage. A log that is replayed runs many times faster than it was written: where the partitions of a topic lag behind one another for
 * a moment, that is hours of its time.
 */
export const IDLE_TIMEOUT_SECONDS = 86_400

/** Longer than a sender waits for an ack, at times: it then sends again what the stage may have delivered. */
export const ACK_TIMEOUT_MS = 2000
const CUT_MS = [300, 4000] as const
const FROZEN_MS = [500, 4000] as const
const KILLED_MS = [100, 1500] as const
/** How long a receiver is away before the stage is killed that holds what it could not deliver. */
const HOLDING_MS = 700

/** What a fault does to records and sessions. */
export type Effects = Pick<FaultKind, 'losesSessions' | 'mayRepeat' | 'unscores' | 'lingers'>

export const BOTH_SIDES: readonly Side[] = ['stage', 'neighbour']

export function killOf(name: string, part: Part, effects: Effects = {}): FaultKind {
  return {
    name,
    downMs: KILLED_MS,
    ...effects,
    begin: () => part.kill(),
    end: async () => part.start(),
  }
}

/** A program hangs, and then goes on as if nothing had been. */
export function freezeOf(name: string, part: Part, effects: Effects = {}): FaultKind {
  return {
    name,
    downMs: FROZEN_MS,
    ...effects,
    begin: async () => part.freeze(),
    end: async () => part.thaw(),
  }
}

/** A cable is pulled, now at this end, now at that one. */
export function cutOf(name: string, link: Link, sides: readonly Side[], effects: Effects = {}): FaultKind {
  let count = 0
  const side = () => sides[count % sides.length]!
  return {
    name,
    downMs: CUT_MS,
    ...effects,
    begin: () => link.cut(side()),
    end: async () => {
      await link.mend(side())
      count++
    },
  }
}

/** The stage dies with records in hand that it could not deliver: whoever acknowledges too early loses them. */
export function killWhileHoldingOf(
  name: string,
  stage: Part,
  away: Pick<FaultKind, 'begin' | 'end'>,
  effects: Effects,
): FaultKind {
  return {
    name,
    downMs: KILLED_MS,
    ...effects,
    begin: async () => {
      await away.begin()
      await sleep(HOLDING_MS)
      await stage.kill()
    },
    end: async () => {
      await away.end()
      stage.start()
    },
  }
}

/** The stage dies where nobody hears of it: connections to it stay half open until the cable is back. */
export const killWhileCutOf = (name: string, stage: Part, link: Link, effects: Effects): FaultKind =>
  killWhileHoldingOf(name, stage, cutOf(name, link, ['stage']), { ...effects, lingers: true })
