import { createHash } from 'node:crypto'

/** What can be made to go wrong in a session. */
const FAULTS = ['cut short', 'repeated line', 'unseen message'] as const
export type Fault = (typeof FAULTS)[number]

/** How often a line comes that is repeated. */
const NUM_REPEATS = 5

/** The fault of a session, if it has one: the same session has the same one in every run. @param share of sessions that fail, 0 to 1 */
export function faultOf(session: string, share: number): Fault | undefined {
  const hash = createHash('sha256').update(session).digest()
  if (hash.readUInt32BE(0) / 2 ** 32 >= share) return undefined
  return FAULTS[hash[4]! % FAULTS.length]
}

/** A line and the session it belongs to. */
export interface SessionLine {
  readonly line: string
  readonly session: string
}

/** Lines in which the given share of sessions fails, halfway through each. */
export function injectFaults(lines: readonly SessionLine[], share: number): SessionLine[] {
  const lengths = new Map<string, number>()
  for (const { session } of lines) lengths.set(session, (lengths.get(session) ?? 0) + 1)
  const positions = new Map<string, number>()
  return lines.flatMap(line => {
    const { session } = line
    const position = positions.get(session) ?? 0
    positions.set(session, position + 1)
    const fault = faultOf(session, share)
    return fault === undefined ? [line] : changed(fault, line, position - (lengths.get(session)! >> 1))
  })
}

/** @param place of the line, counted from the middle of its session */
function changed(fault: Fault, line: SessionLine, place: number): SessionLine[] {
  // The middle line stays, so that no session vanishes.
  if (fault === 'cut short') return place > 0 ? [] : [line]
  if (place !== 0) return [line]
  if (fault === 'repeated line') return Array.from({ length: NUM_REPEATS }, () => line)
  const { session } = line
  return [line, { session, line: `${line.line}: injected failure, giving up on it` }]
}
