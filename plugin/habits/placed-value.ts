import type { Cluster } from '../../drain/cluster.js'
import type { Drain } from '../../drain/drain.js'
import { placeAt } from './habit-table.js'
import { comparable } from './value.js'

/** A parameter as it is compared, and where in its template it stands. */
export interface PlacedValue {
  readonly at: number
  readonly text: string
}

/** Visits the parameters of the line that Drain learnt last: where each stands (see placeAt), its bounds in the line, its mask. */
export function visitPlaces(
  drain: Drain,
  cluster: Cluster,
  visit: (at: number, start: number, end: number, mask: string | undefined) => void,
): void {
  let nth = 0
  let last = -1
  drain.visitParameters(cluster, (start, end, token, mask) => {
    nth = token === last ? nth + 1 : 0
    last = token
    visit(placeAt(token, nth), start, end, mask)
  })
}

/** What is compared of the line that Drain learnt last. */
export function placedValues(drain: Drain, cluster: Cluster, line: string): PlacedValue[] {
  const values: PlacedValue[] = []
  visitPlaces(drain, cluster, (at, start, end, mask) => {
    const text = comparable(line, start, end, mask)
    if (text !== undefined) values.push({ at, text })
  })
  return values
}
