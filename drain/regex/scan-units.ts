import { DEAD, type LazyDfa } from './lazy-dfa.js'

/** Bounds of the text that scans take place in, and what they found; used for scan after scan. */
export class Scan {
  textStart = 0
  textEnd = 0
  /** Start of the match, -1 where it takes a scan backwards to know. */
  matchStart = -1
  /** End of the match, exclusive, or -1. */
  matchEnd = -1
  /** Rule that matched. */
  rule = -1
  /** Where reading stopped: with `matchEnd`, the units read in vain. */
  stop = 0
}

/** As `scanForward` (a test holds them equal), over units in a typed array, which are several times faster to read. */
export function scanUnitsForward(
  dfa: LazyDfa,
  classOf: Uint8Array,
  units: Uint16Array,
  from: number,
  scan: Scan,
): void {
  const { endClass } = dfa
  const { textEnd } = scan
  let state = dfa.start(from === scan.textStart ? endClass : classOf[units[from - 1]!]!)
  let transitions = dfa.transitions
  let began = from
  let matchStart = -1
  let matchEnd = -1
  let rule = -1
  let at = from
  for (; at <= textEnd; at++) {
    let next = 0
    for (; at < textEnd; at++) {
      next = transitions[state + classOf[units[at]!]!]!
      if (next <= 0) break
      state = next
    }
    const unitClass = at < textEnd ? classOf[units[at]!]! : endClass
    if (at === textEnd) next = transitions[state + endClass]!
    if (next === 0) {
      next = dfa.build(state, unitClass)
      transitions = dfa.transitions
    }
    if (next === DEAD) break
    state = next < 0 ? -next : next
    if (next > 0) continue
    const matched = dfa.rule(state)
    if (matched < 0) {
      began = at
      continue
    }
    matchStart = dfa.knowsStart(state) ? began : -1
    matchEnd = at
    rule = matched
  }
  scan.matchStart = matchStart
  scan.matchEnd = matchEnd
  scan.rule = rule
  scan.stop = at
}

/** As `scanBackward`. */
export function scanUnitsBackward(
  dfa: LazyDfa,
  classOf: Uint8Array,
  units: Uint16Array,
  from: number,
  matchEnd: number,
  scan: Scan,
): number {
  const { endClass } = dfa
  let state = dfa.start(matchEnd < scan.textEnd ? classOf[units[matchEnd]!]! : endClass)
  let start = matchEnd
  for (let at = matchEnd - 1; at >= from - 1; at--) {
    const unitClass = at >= scan.textStart ? classOf[units[at]!]! : endClass
    let next = dfa.transitions[state + unitClass]!
    if (next === 0) next = dfa.build(state, unitClass)
    if (next === DEAD) break
    if (next < 0) {
      start = at + 1
      next = -next
    }
    state = next
  }
  return start
}
