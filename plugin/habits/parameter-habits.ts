import type { Cluster } from '../../drain/cluster.js'
import type { Drain } from '../../drain/drain.js'
import { WILDCARD } from '../../drain/mask.js'
import type { ParameterVisitor } from '../../drain/parameters.js'
import { UNKNOWN, type Vocabulary } from '../../scorer/vocabulary.js'
import { Category } from './category.js'
import { type HabitFinding, MIN_FINDING, stronger } from './finding.js'
import { type HabitTable, type PlaceTable, placeAt } from './habit-table.js'
import { binOf, Range } from './range.js'
import { type Oddness, surpriseOf } from './surprise.js'
import { comparable, numberOf } from './value.js'

type Place = Category | Range

/** What is known of a template's parameters. */
interface TemplateHabits {
  readonly numSessions: number
  /** Its text and tokens after training: it may widen later. */
  readonly template: string
  readonly tokens: readonly string[]
  /** By place (see placeAt); undefined where no value can surprise. */
  readonly places: readonly (Place | undefined)[]
}

export interface ParameterParts {
  readonly drain: Drain
  readonly vocabulary: Vocabulary
  /** Surprise up to which a value means nothing. */
  readonly least: number
}

/** The detector `parameter`: odd values where templates vary or used not to; and for kinds of lines that are new, an odd level. */
export class ParameterHabits {
  readonly #byToken: (TemplateHabits | undefined)[] = []
  readonly #levels: Category | undefined
  /** The line looked at, and what was found in it so far. */
  #line = ''
  #habits: TemplateHabits | undefined
  #isWidened = false
  #found: HabitFinding | undefined

  constructor(
    { templates, levels }: HabitTable,
    readonly parts: ParameterParts,
  ) {
    const { drain, vocabulary, least } = parts
    this.#levels = levels && new Category(levels)
    if (least === Number.POSITIVE_INFINITY) return
    for (const cluster of drain.clusters()) {
      const known = templates[cluster.id]
      const token = vocabulary.id(cluster.id)
      if (known === undefined || token === UNKNOWN) continue
      this.#byToken[token] = {
        numSessions: known.numSessions,
        template: cluster.template,
        tokens: cluster.tokens,
        places: openAll(known.places, least),
      }
    }
  }

  /** The oddest about the line that Drain learnt last. */
  look(line: string, cluster: Cluster, token: number): HabitFinding | undefined {
    const habits = this.#byToken[token]
    if (habits === undefined) return undefined
    const isWidened = cluster.template !== habits.template
    if (habits.places.length === 0 && !isWidened) return undefined
    this.#line = line
    this.#habits = habits
    this.#isWidened = isWidened
    this.#found = undefined
    // What was widened since training, and by which lines, differs from process to process: verdicts must not.
    this.parts.drain.visitParameters(cluster, this.#visit, isWidened ? habits.tokens : undefined)
    return this.#found
  }

  /** One function for all lines: this is done for each of them. */
  readonly #visit: ParameterVisitor = (start, end, token, nth, mask) => {
    const at = placeAt(token, nth)
    const place = this.#habits!.places[at]
    if (place === undefined && !this.#isWidened) return
    const text = comparable(this.#line, start, end, mask)
    if (text === undefined) return
    const finding =
      place === undefined ? lookAtConstant(this.#habits!, token, text) : lookAtValue(place, text)
    if (finding !== undefined) this.#found = stronger(this.#found, finding)
  }

  /** How odd the level of a line is, whatever its template. */
  level(level: string | undefined): HabitFinding | undefined {
    if (level === undefined || this.#levels === undefined) return undefined
    return toFinding('level', this.#levels.oddness(level, 0), level, this.#levels.usual)
  }
}

function openAll(tables: readonly PlaceTable[], least: number): (Place | undefined)[] {
  const places: (Place | undefined)[] = []
  for (const { at, category, range } of tables) {
    const place = category !== undefined ? new Category(category, least) : range && new Range(range, least)
    if (place?.isSilent === false) places[at] = place
  }
  return places
}

function lookAtValue(place: Place, text: string): HabitFinding | undefined {
  if (place instanceof Category)
    return place.isUsual(text) ? undefined : toFinding('value', place.oddness(text, 0), text, place.usual)
  const bin = binOf(numberOf(text))
  if (Number.isNaN(bin) || place.isUsual(bin)) return undefined
  return stronger(toFinding('high', place.high(bin, 0), text), toFinding('low', place.low(bin, 0), text))
}

/** A place that varies only since this line, or an earlier one that was as odd. */
function lookAtConstant(
  { tokens, numSessions }: TemplateHabits,
  token: number,
  text: string,
): HabitFinding | undefined {
  const before = tokens[token]
  if (before === undefined || before.includes(WILDCARD) || before.includes(text)) return undefined
  const surprise = surpriseOf(0, numSessions)
  return toFinding('constant', { surprise, seen: 0, of: numSessions }, text, before)
}

function toFinding(
  kind: HabitFinding['kind'],
  { surprise, seen, of }: Oddness,
  value: string,
  usual?: string,
): HabitFinding | undefined {
  return surprise < MIN_FINDING ? undefined : { kind, surprise, seen, of, value, usual }
}
