import type { KeyCount } from '../trained-model.js'
import type { KeySequence } from './train.js'

/** Counts each log key's events and the sessions that hold it, in order of first appearance. */
export function countKeys(sequences: readonly KeySequence[]): KeyCount[] {
  const counts = new Map<string, { key: string; numEvents: number; numSessions: number }>()
  for (const { keys } of sequences) {
    for (const key of keys) {
      const count = counts.get(key)
      if (count === undefined) counts.set(key, { key, numEvents: 1, numSessions: 0 })
      else count.numEvents++
    }
    for (const key of new Set(keys)) counts.get(key)!.numSessions++
  }
  return [...counts.values()]
}
