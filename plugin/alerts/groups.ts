import { LRUCache } from 'lru-cache'
import type { AlertGroup, Finding } from './alert.js'

/** Kinds of findings followed; the one longest without a finding is forgotten first. */
const MAX_GROUPS = 1000
/** Findings remembered, so that one that comes twice counts once. */
const MAX_SEEN = 10_000

interface Group {
  pending: AlertGroup | undefined
  /** When it may be told. */
  dueMs: number
}

export interface GroupOptions {
  readonly groupWaitMs: number
  readonly repeatMs: number
  /** Told how many findings were forgotten untold. */
  readonly onForgotten: (count: number) => void
}

/** Gathers findings that are alike, and says which of them are to be told of. */
export class AlertGroups {
  readonly #seen = new LRUCache<string, true>({ max: MAX_SEEN })
  readonly #groups: LRUCache<string, Group>

  constructor(readonly options: GroupOptions) {
    this.#groups = new LRUCache<string, Group>({
      max: MAX_GROUPS,
      dispose: ({ pending }, _, reason) => {
        if (reason === 'evict' && pending !== undefined) options.onForgotten(pending.count)
      },
    })
  }

  /** @returns false when the finding was known already */
  add(finding: Finding, nowMs: number): boolean {
    if (this.#seen.has(finding.id)) return false
    this.#seen.set(finding.id, true)
    const group = this.#groups.get(finding.group)
    if (group === undefined) {
      const dueMs = nowMs + this.options.groupWaitMs
      this.#groups.set(finding.group, { pending: joined(undefined, finding), dueMs })
      return true
    }
    group.dueMs =
      group.pending === undefined ? Math.max(group.dueMs, nowMs + this.options.groupWaitMs) : group.dueMs
    group.pending = joined(group.pending, finding)
    return true
  }

  /** Groups that may be told now, worst first. */
  due(nowMs: number): AlertGroup[] {
    const found: AlertGroup[] = []
    for (const group of this.#groups.rvalues())
      if (group?.pending !== undefined && nowMs >= group.dueMs) found.push(group.pending)
    return found.sort((a, b) => b.worst.score - a.worst.score)
  }

  /** Notes that groups were told; they are told again no sooner than after a while. */
  told(groups: readonly AlertGroup[], nowMs: number): void {
    for (const { worst } of groups) {
      const group = this.#groups.peek(worst.group)
      if (group === undefined) continue
      group.pending = undefined
      group.dueMs = nowMs + this.options.repeatMs
    }
  }
}

function joined(group: AlertGroup | undefined, finding: Finding): AlertGroup {
  const { timeMs } = finding
  if (group === undefined) return { worst: finding, count: 1, firstMs: timeMs, lastMs: timeMs }
  return {
    worst: finding.score > group.worst.score ? finding : group.worst,
    count: group.count + 1,
    firstMs: Math.min(group.firstMs, timeMs),
    lastMs: Math.max(group.lastMs, timeMs),
  }
}
