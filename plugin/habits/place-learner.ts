import { Category, type CategoryTable } from './category.js'
import { CategoryCounter, type PlaceKind, PlaceTally, RangeCounter } from './place-tally.js'
import { Range, type RangeTable } from './range.js'

/** Features that training keeps at most of one session; more say nothing new. */
const MAX_FEATURES = 20_000

/** One session's features, in pairs: place, feature. */
export class SessionFeatures {
  readonly pairs: number[] = []

  add(place: number, feature: number): void {
    if (feature >= 0 && this.pairs.length < 2 * MAX_FEATURES) this.pairs.push(place, feature)
  }
}

/** What is known of one place once all sessions are counted. */
export type Learnt =
  | { readonly category: Category; readonly range?: undefined }
  | { readonly range: Range; readonly category?: undefined }

interface Place {
  readonly tally: PlaceTally
  readonly hasLow: boolean
  kind: PlaceKind
  numSessions: number
  categories: CategoryCounter | undefined
  ranges: RangeCounter | undefined
  learnt: Learnt | undefined
}

/** Learns what values sessions show at each of many places, then says how odd each of these sessions is among the others. */
export class PlaceLearner {
  readonly #places: Place[] = []

  get size(): number {
    return this.#places.length
  }

  /** A new place. @param hasLow whether small values are worth noting */
  open(hasLow = true): number {
    return (
      this.#places.push({
        tally: new PlaceTally(),
        hasLow,
        kind: 'silent',
        numSessions: 0,
        categories: undefined,
        ranges: undefined,
        learnt: undefined,
      }) - 1
    )
  }

  tally(place: number): PlaceTally {
    return this.#places[place]!.tally
  }

  /** Counts all sessions, in the order in which they began. */
  learn(sessions: readonly SessionFeatures[]): void {
    for (const place of this.#places) place.kind = place.tally.kind
    for (const session of sessions) for (const [place] of byPlace(session)) this.#places[place]!.numSessions++
    for (const place of this.#places) {
      if (place.kind === 'category') place.categories = new CategoryCounter(place.numSessions)
      else if (place.kind === 'range') place.ranges = new RangeCounter(place.numSessions, place.hasLow)
    }
    for (const session of sessions)
      for (const [place, features] of byPlace(session)) this.#count(this.#places[place]!, features)
    for (const place of this.#places) {
      if (place.categories !== undefined)
        place.learnt = { category: new Category(place.categories.toTable()) }
      else if (place.ranges !== undefined) place.learnt = { range: new Range(place.ranges.toTable()) }
      place.categories = undefined
      place.ranges = undefined
    }
  }

  learnt(place: number): Learnt | undefined {
    return this.#places[place]!.learnt
  }

  /** How surprising the values of a session are at each of its places, as if it had not been counted. */
  *ownSurprises(session: SessionFeatures): Generator<readonly [place: number, surprise: number]> {
    for (const [place, features] of byPlace(session)) {
      const { learnt, tally } = this.#places[place]!
      if (learnt === undefined) continue
      yield [place, ownSurprise(learnt, tally, features)]
    }
  }

  #count({ tally, categories, ranges }: Place, features: readonly number[]): void {
    categories?.add(features.map(feature => tally.texts[feature]!))
    if (ranges === undefined) return
    const [lowest, highest] = extremes(tally, features)
    ranges.add(lowest, highest)
  }
}

/** As the bundle keeps it. */
export function tableOf({ category, range }: Learnt): { category: CategoryTable } | { range: RangeTable } {
  return category === undefined ? { range: range.table } : { category: category.table }
}

function ownSurprise({ category, range }: Learnt, tally: PlaceTally, features: readonly number[]): number {
  if (category !== undefined)
    return features.reduce(
      (most, feature) => Math.max(most, category.oddness(tally.texts[feature]!, 1).surprise),
      0,
    )
  const [lowest, highest] = extremes(tally, features)
  return Math.max(range.low(lowest, 1).surprise, range.high(highest, 1).surprise)
}

function extremes({ bins }: PlaceTally, features: readonly number[]): [lowest: number, highest: number] {
  const all = features.map(feature => bins[feature]!)
  return [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))]
}

/** Each place with its features, each once. */
function byPlace({ pairs }: SessionFeatures): Map<number, number[]> {
  const places = new Map<number, number[]>()
  for (let i = 0; i < pairs.length; i += 2) {
    const features = places.get(pairs[i]!)
    if (features === undefined) places.set(pairs[i]!, [pairs[i + 1]!])
    else if (!features.includes(pairs[i + 1]!)) features.push(pairs[i + 1]!)
  }
  return places
}
