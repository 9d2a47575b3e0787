import { DETECTOR_INDEX, type Statistics } from '../detectors/detector.js'

/**
 * How a session is unlike others: it holds a key never seen, or a rare one; lacks one; holds two that hardly come together; their numbers compare
 * oddly; one comes too often, or too seldom.
 */
export type OddityKind = 'unseen' | 'present' | 'absent' | 'together' | 'order' | 'many' | 'few'

/** The strangest thing that a detector found about what a session is made of. Filled in place. */
export interface Finding {
  /** In nats; 0 while nothing was found. */
  surprise: number
  kind: OddityKind
  token: number
  /** The other key where two are compared; for `absent` the one that the token goes with, undefined where it goes with every session. */
  other: number | undefined
  /** Of `of` normal sessions that could be like it there, `seen` are. */
  seen: number
  of: number
}

/** Detectors that look at what a session is made of, whatever its order. */
export type Findings = Readonly<Record<'key-set' | 'count-order' | 'count-vector', Finding>>

export function noFindings(): Findings {
  return { 'key-set': noFinding(), 'count-order': noFinding(), 'count-vector': noFinding() }
}

function noFinding(): Finding {
  return { surprise: 0, kind: 'present', token: 0, other: undefined, seen: 0, of: 0 }
}

/** Forgets what was found. */
export function reset(findings: Findings): void {
  findings['key-set'].surprise = 0
  findings['count-order'].surprise = 0
  findings['count-vector'].surprise = 0
}

/**
 * Enters a property that `seen` of `of` sessions have, if it is the strangest yet. Its surprise is -ln p, with half a session added for it and half
 * against (Krichevsky and Trofimov, 1981), so what few sessions vouch for says little; plus `extra` nats.
 */
export function raise(
  finding: Finding,
  seen: number,
  of: number,
  kind: OddityKind,
  token: number,
  other?: number,
  extra = 0,
): void {
  const surprise = extra - Math.log((Math.max(0, seen) + 0.5) / (Math.max(0, of) + 1))
  if (surprise <= finding.surprise) return
  finding.surprise = surprise
  finding.kind = kind
  finding.token = token
  finding.other = other
  finding.seen = Math.max(0, seen)
  finding.of = Math.max(0, of)
}

/** Copies the surprise of each finding to its detector's place. */
export function showFindings(shown: Statistics, findings: Findings): void {
  shown[DETECTOR_INDEX['key-set']] = findings['key-set'].surprise
  shown[DETECTOR_INDEX['count-order']] = findings['count-order'].surprise
  shown[DETECTOR_INDEX['count-vector']] = findings['count-vector'].surprise
}
