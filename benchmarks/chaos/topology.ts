import type { Batch, Expected } from './expected.js'
import type { FaultKind } from './fault.js'
import type { Link, Network } from './network.js'
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

const KILLED_MS = [100, 1500] as const
const CUT_MS = [300, 3000] as const

export function killOf(
  name: string,
  parts: readonly Part[],
  effects: Pick<FaultKind, 'losesSessions' | 'mayRepeat' | 'unscores'>,
): FaultKind {
  return {
    name,
    downMs: KILLED_MS,
    ...effects,
    begin: async () => {
      await Promise.all(parts.map(part => part.kill()))
    },
    end: async () => {
      for (const part of parts) part.start()
    },
  }
}

/** A cable is pulled, now at this end, now at that one. */
export function cutOf(
  name: string,
  link: Link,
  sides: readonly ('stage' | 'neighbour')[],
  effects: Pick<FaultKind, 'unscores'> = {},
): FaultKind {
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

/** The stage dies where nobody hears of it: connections to it stay half open until the cable is back. */
export function killWhileCutOf(name: string, stage: Part, link: Link): FaultKind {
  return {
    name,
    downMs: KILLED_MS,
    losesSessions: true,
    mayRepeat: true,
    begin: async () => {
      await link.cut('stage')
      await stage.kill()
    },
    end: async () => {
      stage.start()
      await link.mend('stage')
    },
  }
}
