import type { Cluster } from '../../drain/cluster.js'
import type { Drain } from '../../drain/drain.js'
import { placeAt } from './habit-table.js'
import { comparable } from './value.js'

/** A parameter as it is compared, and where in its template it stands. */
export interface PlacedValue {
  readonly at: number
  readonly text: string
}

/** What is compared of the line that Drain learnt last. */
export function placedValues(drain: Drain, cluster: Cluster, line: string): PlacedValue[] {
  const values: PlacedValue[] = []
  drain.visitParameters(cluster, (start, end, token, nth, mask) => {
    const text = comparable(line, start, end, mask)
    if (text !== undefined) values.push({ at: placeAt(token, nth), text })
  })
  return values
}
