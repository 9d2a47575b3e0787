import type { Course } from './disturb.js'
import type { Expected } from './expected.js'
import type { Fault } from './fault.js'
import type { Ledger } from './ledger.js'

/** What the faults did to the records. */
export interface Assessment {
  readonly sent: number
  readonly lost: number
  /** Records that arrived more than once; of those, records no fault explains. */
  readonly repeated: number
  readonly repeatedWithoutCause: number
  /** Arrivals with a number that nobody sent. */
  readonly strange: number
  /** Records that passed unscored because the model was away. */
  readonly unscored: number
  readonly sessions: number
  /** Sessions that a fault may have touched: under way when what the stage knew was lost, or with a record that passed unscored. */
  readonly touched: number
  readonly touchedThatDiffer: number
  /** Sessions that no fault touched and with a verdict that is not that of an undisturbed run. */
  readonly untouchedThatDiffer: number
  /** What happened to some of the records that are lost, or arrived twice without a cause. */
  readonly examples: readonly string[]
}

const MAX_EXAMPLES = 5

/** @param copies how often each record went in, where it may have more than once */
export function assess({ ledger, faults }: Course, expected: Expected, copies?: Uint8Array): Assessment {
  const { counts } = ledger
  const repeats = { all: 0, withoutCause: 0 }
  const examples: string[] = []
  let lost = 0
  for (let number = 0; number < expected.total; number++) {
    const due = copies?.[number] ?? 1
    if (counts[number]! < due) {
      lost++
      if (examples.length < MAX_EXAMPLES) examples.push(`record ${number} is lost`)
    }
    if (counts[number]! <= due) continue
    repeats.all++
    if (faults.some(fault => mayRepeat(fault, ledger, number))) continue
    repeats.withoutCause++
    if (examples.length < MAX_EXAMPLES) examples.push(story(ledger, faults, number))
  }
  const sessions = assessSessions(ledger, faults, expected)
  return {
    sent: expected.total,
    lost,
    repeated: repeats.all,
    repeatedWithoutCause: repeats.withoutCause,
    strange: ledger.numStrange,
    unscored: ledger.unscored.reduce((sum, is) => sum + is, 0),
    sessions: expected.numSessions,
    ...sessions,
    examples,
  }
}

/** A copy that is not acknowledged so long after its delivery waits for nothing. */
const UNDER_WAY_MS = 5000

/** Until when what was under way at the begin of a fault may arrive. */
const overMs = ({ kind, endedMs, caughtUpMs }: Fault): number =>
  kind.lingers ? endedMs + caughtUpMs : endedMs

/** Delivered before a kill, and again because the news of it died with the process. */
function mayRepeat(fault: Fault, ledger: Ledger, number: number): boolean {
  const first = ledger.firstMs[number]!
  return (
    fault.kind.mayRepeat === true &&
    first >= fault.beganMs - UNDER_WAY_MS &&
    first <= overMs(fault) &&
    ledger.lastMs[number]! >= fault.beganMs
  )
}

function story({ counts, firstMs, lastMs }: Ledger, faults: readonly Fault[], number: number): string {
  const first = firstMs[number]!
  const before = faults.findLast(({ beganMs }) => beganMs <= lastMs[number]!)
  const since = (ms: number): string => `${((ms - (before?.beganMs ?? first)) / 1000).toFixed(2)} s`
  const fault = before === undefined ? '' : `, after "${before.kind.name}" (over at ${since(before.endedMs)})`
  return `record ${number} arrived ${counts[number]} times, first at ${since(first)} and last at ${since(lastMs[number]!)}${fault}`
}

interface Span {
  firstMs: number
  lastMs: number
  isUnscored: boolean
  differs: boolean
}

function assessSessions(
  ledger: Ledger,
  faults: readonly Fault[],
  { total, sessions, numSessions }: Expected,
) {
  const spans: Span[] = Array.from({ length: numSessions }, () => ({
    firstMs: Number.POSITIVE_INFINITY,
    lastMs: Number.NEGATIVE_INFINITY,
    isUnscored: false,
    differs: false,
  }))
  for (let number = 0; number < total; number++) {
    if (ledger.counts[number] === 0) continue
    const span = spans[sessions[number]!]!
    span.firstMs = Math.min(span.firstMs, ledger.firstMs[number]!)
    span.lastMs = Math.max(span.lastMs, ledger.lastMs[number]!)
    if (ledger.unscored[number]) span.isUnscored = true
    if (ledger.differs[number]) span.differs = true
  }
  const touched = spans.filter(span => isTouched(span, faults))
  const numDiffering = spans.filter(({ differs }) => differs).length
  const touchedThatDiffer = touched.filter(({ differs }) => differs).length
  return {
    touched: touched.length,
    touchedThatDiffer,
    untouchedThatDiffer: numDiffering - touchedThatDiffer,
  }
}

/** Something of the session arrived from before a loss and something after it; repeated records count, as they are judged anew. */
function isTouched({ firstMs, lastMs, isUnscored }: Span, faults: readonly Fault[]): boolean {
  const hasUnscored = isUnscored && faults.some(({ kind }) => kind.unscores)
  return (
    hasUnscored ||
    faults.some(
      fault => fault.kind.losesSessions === true && firstMs <= overMs(fault) && lastMs >= fault.beganMs,
    )
  )
}
