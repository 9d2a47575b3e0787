import { quote } from '../explain.js'
import type { Oddity } from './oddity.js'

/** An oddity in words. @param template of an id; undefined where it is forgotten */
export function describeOddity(
  { kind, key, other, grade = 0 }: Oddity,
  template: (id: string) => string | undefined,
): string {
  const name = (id: string): string => (id.startsWith('(') ? id : quote(template(id) ?? id))
  const it = name(key)
  const its = other === undefined ? '' : name(other)
  switch (kind) {
    case 'unseen':
    case 'present':
      return `${it} comes`
    case 'absent':
      return other === undefined ? `${it} does not come` : `${it} does not come along with ${its}`
    case 'together':
      return `${it} comes together with ${its}`
    case 'order':
      return `${it} comes ${grade < 0 ? 'less often than' : grade > 0 ? 'more often than' : 'as often as'} ${its}`
    case 'many':
    case 'few':
      return `${it} comes ${span(grade)}`
    case 'next':
      return `${it} follows ${its}`
    case 'value':
      return `${it} holds unusual values`
    case 'time':
      return `${it} comes at an unusual time`
    case 'end':
      return `the session ends after ${its}`
  }
}

/** Counts of a size (see sizeOf). */
function span(size: number): string {
  return size === 0 ? 'once' : `${2 ** size} to ${2 ** (size + 1) - 1} times`
}
