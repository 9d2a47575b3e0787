import type { Composition } from '../../scorer/composition/composition.js'
import { noFindings, type OddityKind, type Property } from '../../scorer/composition/findings.js'
import { Tally } from '../../scorer/composition/tally.js'
import type { DetectorName } from '../../scorer/detectors/detector.js'
import { UNKNOWN } from '../../scorer/vocabulary.js'

/** Of one session at most; a session odd in more ways is not of a kind that comes back. */
const MAX_PROPERTIES = 200

/** The detector that finds properties of a kind. */
export const DETECTOR_OF: Readonly<Record<OddityKind, DetectorName>> = {
  unseen: 'key-set',
  present: 'key-set',
  absent: 'key-set',
  together: 'key-set',
  order: 'count-order',
  many: 'count-vector',
  few: 'count-vector',
}

/**
 * Everything odd about what a session is made of, where a detector tells the strangest alone: were only that adopted, the next strangest would
 * be flagged in its place. New templates are left out: they are told by their lines.
 * @param isWhole whether what it lacks counts @param isOdd told the detector and the surprise in nats
 */
export function oddProperties(
  composition: Composition,
  session: Tally,
  isWhole: boolean,
  isOdd: (detector: DetectorName, surprise: number) => boolean,
): Property[] {
  const odd = new Map<string, Property>()
  const findings = noFindings({
    passesOver(property, surprise) {
      const { kind, token, other, grade } = property
      if (token !== UNKNOWN && odd.size < MAX_PROPERTIES && isOdd(DETECTOR_OF[kind], surprise))
        odd.set(`${kind} ${token} ${other} ${grade}`, property)
      return true
    },
  })
  const tally = new Tally()
  for (const [token] of session.entries()) composition.observe(tally, token, findings)
  for (const [token, count] of session.entries()) composition.grow(tally, token, count, findings)
  if (isWhole) composition.conclude(tally, findings)
  return [...odd.values()]
}
