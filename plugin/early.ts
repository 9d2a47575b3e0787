/** Where a session was flagged. */
export interface FlagPlace {
  /** Zero-based number of the first event flagged; the number of events where it was the end, undefined where nothing was. */
  readonly flaggedAt?: number | undefined
  readonly numEvents?: number
}

/** How early anomalies are flagged. */
export interface EarlyFlags {
  /** Of the anomalies caught, the share flagged before their last event. */
  readonly shareBeforeEnd: number
  /** Of those, the median share of the session's events seen by then, the flagged one included; 1 where there are none. */
  readonly medianShareSeen: number
}

/** @param places of anomalous sessions; undefined where it is not known for the ones caught where they were */
export function earlyFlags(places: readonly FlagPlace[]): EarlyFlags | undefined {
  const caught = places.flatMap(({ flaggedAt, numEvents }) =>
    flaggedAt === undefined || numEvents === undefined ? [] : [{ flaggedAt, numEvents }],
  )
  if (caught.length === 0) return undefined
  const shares = caught
    .filter(({ flaggedAt, numEvents }) => flaggedAt < numEvents - 1)
    .map(({ flaggedAt, numEvents }) => (flaggedAt + 1) / numEvents)
    .sort((a, b) => a - b)
  return {
    shareBeforeEnd: shares.length / caught.length,
    medianShareSeen: shares[shares.length >> 1] ?? 1,
  }
}
