import type { NextKey } from '../scorer/detectors/next-key.js'
import type { Predictions } from '../scorer/next-key-scorer.js'
import { BEGIN, END } from '../scorer/vocabulary.js'
import type { Keys } from './keys.js'
import type { Expected } from './verdict.js'

/** How many expected templates a verdict lists. */
const NUM_EXPECTED = 3
const MAX_TEMPLATE_LENGTH = 160
const END_OF_SESSION = '(end of session)'

/** What happened, for a sentence about it. */
export interface Occurrence {
  /** The event's template; undefined for the end of the session. */
  readonly template: string | undefined
  readonly isKnown: boolean
  /** -ln probability */
  readonly surprise: number
}

/** The templates held likeliest after a known prefix. @param recent the context that counts know of it */
export function expectedNext(
  { keys, nextKey }: { readonly keys: Keys; readonly nextKey: NextKey },
  tree: Predictions,
  node: number,
  recent: number,
): Expected[] {
  return nextKey
    .expected(tree.likeliest(node, NUM_EXPECTED + 1), recent)
    .map(({ token, probability }) => ({
      template: token === END ? END_OF_SESSION : (keys.template(token) ?? ''),
      probability: Number(probability.toPrecision(4)),
    }))
    .filter(({ template }) => template !== '')
    .slice(0, NUM_EXPECTED)
}

/** One sentence a person on call understands. `previous` is the token before. */
export function explain(
  occurrence: Occurrence,
  previous: number,
  expected: readonly Expected[],
  keys: Keys,
): string {
  const place =
    previous === BEGIN
      ? 'a session of this log begins with'
      : `after ${quote(keys.template(previous))} this log continues with`
  const usual = expected
    .filter(({ probability }, i) => i === 0 || probability >= 0.01)
    .map(
      ({ template, probability }) =>
        `${template === END_OF_SESSION ? 'the end of the session' : quote(template)} (${percent(probability)})`,
    )
    .join(' or ')
  return `${place} ${usual}; instead ${happened(occurrence)}`
}

function happened({ template, isKnown, surprise }: Occurrence): string {
  if (template === undefined) return `the session ended (${oneIn(surprise)})`
  if (!isKnown) return `came a kind of line not seen in training, ${quote(template)}`
  return `came ${quote(template)} (${oneIn(surprise)})`
}

/** A template between back quotes, cut where it is long. */
export function quote(template: string | undefined): string {
  if (template === undefined) return 'an unknown line'
  return `\`${template.length > MAX_TEMPLATE_LENGTH ? `${template.slice(0, MAX_TEMPLATE_LENGTH)}...` : template}\``
}

/** `3 of 1,200`, `none of 20`. */
export function rarity(seen: number, of: number): string {
  return `${seen === 0 ? 'none' : seen.toLocaleString('en-US')} of ${of.toLocaleString('en-US')}`
}

function percent(probability: number): string {
  const value = 100 * probability
  return `${value >= 99.5 && value < 100 ? '99+' : value >= 1 ? value.toFixed(0) : value.toPrecision(1)} %`
}

/** `1 in 40,000` for a surprise of 10.6, rounded to two digits. */
function oneIn(surprise: number): string {
  const odds = Number(Math.exp(surprise).toPrecision(2))
  return `1 in ${odds.toLocaleString('en-US')}`
}
