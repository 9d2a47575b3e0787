import { DEAD, type LazyDfa } from './lazy-dfa.js'

/** What a scan found: read `end` and `rule`, then the next scan overwrites them. */
export class Scan {
  /** Start of the match, -1 where it takes a scan backwards to know. */
  start = -1
  /** End of the match, exclusive, or -1. */
  end = -1
  /** Rule that matched. */
  rule = -1
  /** Where reading stopped: with `end`, the units read in vain. */
  stop = 0
}

/** Runs a forward automaton over `text[from, to)`; looks at the unit before `from`, takes `to` as the text's end. */
export function scanForward(
  dfa: LazyDfa,
  classOf: Uint8Array,
  text: string,
  from: number,
  to: number,
  out: Scan,
): void {
  let transitions = dfa.transitions
  let state = dfa.start(from === 0 ? dfa.endClass : classOf[text.charCodeAt(from - 1)]!)
  transitions = dfa.transitions
  let began = from
  let start = -1
  let end = -1
  let rule = -1
  let at = from
  for (; at <= to; at++) {
    const unitClass = at < to ? classOf[text.charCodeAt(at)]! : dfa.endClass
    let next = transitions[state + unitClass]!
    if (next > 0) {
      state = next
      continue
    }
    if (next === 0) {
      next = dfa.build(state, unitClass)
      transitions = dfa.transitions
      if (next > 0) {
        state = next
        continue
      }
    }
    if (next === DEAD) break
    state = -next
    const matched = dfa.rule(state)
    if (matched < 0) {
      began = at
      continue
    }
    start = dfa.knowsStart(state) ? began : -1
    end = at
    rule = matched
  }
  out.start = start
  out.end = end
  out.rule = rule
  out.stop = at
}

/** Start of the longest match that ends at `end`, not before `from`, by an automaton of the reversed pattern. */
export function scanBackward(
  dfa: LazyDfa,
  classOf: Uint8Array,
  text: string,
  from: number,
  end: number,
  to: number,
) {
  let state = dfa.start(end < to ? classOf[text.charCodeAt(end)]! : dfa.endClass)
  let start = end
  for (let at = end - 1; at >= from - 1; at--) {
    const unitClass = at >= 0 ? classOf[text.charCodeAt(at)]! : dfa.endClass
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
