import { DETECTOR_INDEX, type Statistics } from '../detectors/detector.js'

/**
 * How a session is unlike others: it holds a key never seen, or a rare one; lacks one; holds two that hardly come together; their numbers compare
 * oddly; one comes too often, or too seldom.
 */
export type OddityKind = 'unseen' | 'present' | 'absent' | 'together' | 'order' | 'many' | 'few'

/** Something about what a session is made of that could be odd. */
export interface Property {
  readonly kind: OddityKind
  readonly token: number
  /** The other key where two are compared; for `absent` the one that the token goes with, undefined where it goes with every session. */
  readonly other: number | undefined
  /** For `order` the sign of the number of the token less that of the other; for `many` and `few` the size of the count; else 0. */
  readonly grade: number
}

/** Says which properties are to be passed over, as they are taken as normal whatever the statistics say. */
export interface PropertyFilter {
  /** @param surprise in nats; properties no stranger than what was found already are not asked about */
  passesOver(property: Property, surprise: number): boolean
}

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
  readonly filter: PropertyFilter | undefined
}

/** Detectors that look at what a session is made of, whatever its order. */
export type Findings = Readonly<Record<'key-set' | 'count-order' | 'count-vector', Finding>>

export function noFindings(filter?: PropertyFilter): Findings {
  return { 'key-set': noFinding(filter), 'count-order': noFinding(filter), 'count-vector': noFinding(filter) }
}

function noFinding(filter: PropertyFilter | undefined): Finding {
  return { surprise: 0, kind: 'present', token: 0, other: undefined, seen: 0, of: 0, filter }
}

/** Forgets what was found. */
export function reset(findings: Findings): void {
  findings['key-set'].surprise = 0
  findings['count-order'].surprise = 0
  findings['count-vector'].surprise = 0
}

/**
 * Enters a property that `seen` of `of` sessions have, if it is the strangest yet. Its surprise is -ln p, with half a session added for it and half
 * against (Krichevsky and Trofimov, 1981), so what few sessions vouch for says little; plus `extra` nats, which may be negative.
 * @returns whether the filter passed it over, so that something less strange may be the strangest
 */
export function raise(
  finding: Finding,
  seen: number,
  of: number,
  kind: OddityKind,
  token: number,
  other?: number,
  grade = 0,
  extra = 0,
): boolean {
  const surprise = extra - Math.log((Math.max(0, seen) + 0.5) / (Math.max(0, of) + 1))
  if (surprise <= finding.surprise) return false
  if (finding.filter?.passesOver({ kind, token, other, grade }, surprise) === true) return true
  finding.surprise = surprise
  finding.kind = kind
  finding.token = token
  finding.other = other
  finding.seen = Math.max(0, seen)
  finding.of = Math.max(0, of)
  return false
}

/** Copies the surprise of each finding to its detector's place. */
export function showFindings(shown: Statistics, findings: Findings): void {
  shown[DETECTOR_INDEX['key-set']] = findings['key-set'].surprise
  shown[DETECTOR_INDEX['count-order']] = findings['count-order'].surprise
  shown[DETECTOR_INDEX['count-vector']] = findings['count-vector'].surprise
}
