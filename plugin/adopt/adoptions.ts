import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Oddity, oddityName, odditySchema } from './oddity.js'

/** Something that was taken as normal, and why. */
export const adoptionSchema = z.object({
  id: z.string().min(1).max(64),
  /** When: as the log tells the time where it came back, by the clock where somebody said so. ISO 8601. */
  time: z.string(),
  by: z.enum(['recurrence', 'feedback']),
  oddities: z.array(odditySchema).min(1).max(1000),
  /** The same in words. */
  description: z.array(z.string()),
  /** The session it was adopted with. */
  session: z.string(),
  /** Sessions that showed it, and from when to when. */
  sightings: z.object({ sessions: z.number(), from: z.string(), to: z.string() }).optional(),
})

export type Adoption = z.infer<typeof adoptionSchema>

/** More are not adopted: a log of which so much is new wants a new model. */
export const MAX_ADOPTIONS = 10_000

/** The same oddities have the same id. */
export function adoptionId(oddities: readonly Oddity[]): string {
  return createHash('sha256').update(oddities.map(oddityName).sort().join('\n')).digest('hex').slice(0, 8)
}

/** All that is taken as normal though it was not in training, and what must not be. */
export class Adoptions {
  readonly #all = new Map<string, Adoption>()
  readonly #revoked = new Map<string, Adoption>()
  /** By name of an oddity: how many adoptions hold it, how many of those revoked did. */
  readonly #held = new Map<string, number>()
  readonly #refused = new Map<string, number>()

  get size(): number {
    return this.#all.size
  }

  /** In the order they were adopted. */
  all(): Adoption[] {
    return [...this.#all.values()]
  }

  /** Those that were taken back. */
  revoked(): Adoption[] {
    return [...this.#revoked.values()]
  }

  /** Whether an oddity is taken as normal. @param name its oddityName */
  has(name: string): boolean {
    return this.#held.has(name)
  }

  /** Whether an oddity was adopted once and that was taken back: it does not come back by itself. */
  isRefused(name: string): boolean {
    return this.#refused.has(name)
  }

  /** @returns false if there are too many, or it is there already */
  add(adoption: Adoption): boolean {
    if (this.#all.has(adoption.id) || this.#all.size >= MAX_ADOPTIONS) return false
    this.#all.set(adoption.id, adoption)
    count(this.#held, adoption, 1)
    const revoked = this.#revoked.get(adoption.id)
    if (revoked !== undefined) {
      this.#revoked.delete(adoption.id)
      count(this.#refused, revoked, -1)
    }
    return true
  }

  /** @returns false if there is none of that id */
  revoke(id: string): boolean {
    const adoption = this.#all.get(id)
    if (adoption === undefined) return false
    this.#all.delete(id)
    count(this.#held, adoption, -1)
    this.#revoked.set(id, adoption)
    count(this.#refused, adoption, 1)
    return true
  }

  clear(): void {
    for (const map of [this.#all, this.#revoked, this.#held, this.#refused]) map.clear()
  }
}

function count(numbers: Map<string, number>, { oddities }: Adoption, change: 1 | -1): void {
  for (const name of oddities.map(oddityName)) {
    const left = (numbers.get(name) ?? 0) + change
    if (left === 0) numbers.delete(name)
    else numbers.set(name, left)
  }
}
