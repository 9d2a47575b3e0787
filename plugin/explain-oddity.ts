import type { Finding } from '../scorer/composition/findings.js'
import type { Tally } from '../scorer/composition/tally.js'
import { quote, rarity } from './explain.js'
import type { Keys } from './keys.js'

/** One sentence about what is odd in what a session is made of. */
export function explainOddity(finding: Finding, tally: Tally, keys: Keys): string {
  const { kind, token, other, seen, of } = finding
  const it = quote(keys.template(token))
  const its = other === undefined ? '' : quote(keys.template(other))
  const count = tally.count(token)
  switch (kind) {
    case 'unseen':
      return 'a kind of line came that was not seen in training'
    case 'present':
      return `${it} came, as in ${rarity(seen, of)} normal sessions`
    case 'absent':
      return `${it} never came, as in ${rarity(seen, of)} normal sessions${other === undefined ? '' : ` with ${its}`}`
    case 'together':
      return `${it} came together with ${its}, as in ${rarity(seen, of)} normal sessions with either`
    case 'order':
      return `${it} came ${times(count)} and ${its} ${times(tally.count(other!))}: ${compare(count, tally.count(other!))}, as in ${rarity(seen, of)} normal sessions with either`
    case 'many':
      return `${it} came ${times(count)}; so often it comes in ${rarity(seen, of)} normal sessions that hold it`
    case 'few':
      return `${it} came only ${times(count)}; so seldom it comes in ${rarity(seen, of)} normal sessions that hold it`
  }
}

function times(count: number): string {
  return count === 1 ? 'once' : count === 2 ? 'twice' : `${count.toLocaleString('en-US')} times`
}

function compare(a: number, b: number): string {
  return a < b ? 'less often' : a > b ? 'more often' : 'as often'
}
