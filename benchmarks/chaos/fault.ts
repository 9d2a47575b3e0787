import { Random } from '../../scorer/random.js'

/** Something that can go wrong with a pipeline. */
export interface FaultKind {
  readonly name: string
  /** Least and most time between its begin and its end, in milliseconds. */
  readonly downMs: readonly [least: number, most: number]
  /** Whether sessions that are under way lose what the stage knew of them. */
  readonly losesSessions?: boolean
  /** Whether records under way may arrive once more. */
  readonly mayRepeat?: boolean
  /** Whether records may pass unscored on account of it. */
  readonly unscores?: boolean
  /** Whether a program that was killed may be heard after the end: its system goes on sending for it when the cable is back. */
  readonly lingers?: boolean
  begin(): Promise<void>
  /** Resolves when the fault is over: a program was started again, a network goes again. */
  end(): Promise<void>
}

/** A fault that happened; times in milliseconds of the monotonic clock. */
export interface Fault {
  readonly kind: FaultKind
  readonly beganMs: number
  readonly endedMs: number
  /** From its end to the first record delivered after it, and to the last one unscored. Infinite: none came in time. */
  readonly recoveryMs: number
  /** From its end until a record that was sent after it was delivered: until there is no backlog. */
  readonly caughtUpMs: number
}

/** Until when what was under way at the begin of a fault may arrive, in milliseconds of the monotonic clock. */
export const overMs = ({ kind, endedMs, caughtUpMs }: Fault): number =>
  kind.lingers ? endedMs + caughtUpMs : endedMs

/** A fault that is to happen. */
export interface PlannedFault {
  readonly kind: FaultKind
  /** Since the recovery from the one before. */
  readonly waitMs: number
  readonly downMs: number
}

const WAIT_MS = [300, 1500] as const

/** Faults without end: every kind once, in a random order, then all again. */
export function* plan(kinds: readonly FaultKind[], seed: number): Generator<PlannedFault> {
  const random = new Random(seed)
  const between = ([least, most]: readonly [number, number]): number =>
    Math.round(least + random.uniform() * (most - least))
  for (;;) {
    const round = [...kinds]
    random.shuffle(round)
    for (const kind of round) yield { kind, waitMs: between(WAIT_MS), downMs: between(kind.downMs) }
  }
}
