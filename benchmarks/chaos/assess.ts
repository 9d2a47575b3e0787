import type { Course } from './disturb.js'
import type { Expected } from './expected.js'
import { type Fault, overMs } from './fault.js'
import type { Ledger } from './ledger.js'
import { assessSessions, type SessionAssessment } from './sessions.js'

/** What the faults did to the records. */
export interface Assessment extends SessionAssessment {
  readonly sent: number
  readonly lost: number
  /** Records that arrived more than once; of those, records no fault explains. */
  readonly repeated: number
  readonly repeatedWithoutCause: number
  /** Arrivals with a number that nobody sent. */
  readonly strange: number
  /** Records that passed unscored because the model was away. */
  readonly unscored: number
  /** What happened to some of the records for which a check fails. */
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
  const { example, ...sessions } = assessSessions(ledger, faults, expected)
  if (example !== undefined) examples.push(example)
  return {
    sent: expected.total,
    lost,
    repeated: repeats.all,
    repeatedWithoutCause: repeats.withoutCause,
    strange: ledger.numStrange,
    unscored: ledger.unscored.reduce((sum, is) => sum + is, 0),
    ...sessions,
    examples,
  }
}

/** A copy that is not acknowledged so long after its delivery waits for nothing. */
const UNDER_WAY_MS = 5000

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
