import type { Cluster } from '../../drain/cluster.js'
import type { Drain } from '../../drain/drain.js'
import { UNKNOWN, type Vocabulary } from '../../scorer/vocabulary.js'
import { Category } from './category.js'
import { type HabitFinding, MIN_FINDING, stronger } from './finding.js'
import { type HabitTable, type PlaceTable, tokenAt } from './habit-table.js'
import { forEachValue } from './parameter-learner.js'
import { binOf, Range } from './range.js'
import { type Oddness, surpriseOf } from './surprise.js'
import { numberOf } from './value.js'

type Place = Category | Range

/** What is known of a template's parameters. */
interface TemplateHabits {
  readonly numSessions: number
  /** Its text and tokens after training: it may widen later. */
  readonly template: string
  readonly tokens: readonly string[]
  readonly places: ReadonlyMap<number, Place>
}

/** The detector `parameter`: odd values where templates vary or used not to; and for kinds of lines that are new, an odd level. */
export class ParameterHabits {
  readonly #byToken: (TemplateHabits | undefined)[] = []
  readonly #levels: Category | undefined

  constructor(
    { templates, levels }: HabitTable,
    readonly drain: Drain,
    vocabulary: Vocabulary,
  ) {
    for (const cluster of drain.clusters()) {
      const known = templates[cluster.id]
      const token = vocabulary.id(cluster.id)
      if (known === undefined || token === UNKNOWN) continue
      this.#byToken[token] = {
        numSessions: known.numSessions,
        template: cluster.template,
        tokens: cluster.tokens,
        places: new Map(known.places.flatMap(open)),
      }
    }
    this.#levels = levels && new Category(levels)
  }

  /** The oddest about the line that Drain learnt last. */
  look(line: string, cluster: Cluster, token: number): HabitFinding | undefined {
    const habits = this.#byToken[token]
    if (habits === undefined) return undefined
    if (habits.places.size === 0 && cluster.template === habits.template) return undefined
    let found: HabitFinding | undefined
    forEachValue(this.drain.parametersOfLast(line, cluster), (at, text, { value }) => {
      const place = habits.places.get(at)
      const finding =
        place === undefined
          ? lookAtConstant(habits, at, text, value)
          : place instanceof Category
            ? toFinding('value', place.oddness(text, 0), value, place.usual)
            : lookAtNumber(place, numberOf(text), value)
      found = stronger(found, finding)
    })
    return found
  }

  /** How odd the level of a line is, whatever its template. */
  level(level: string | undefined): HabitFinding | undefined {
    if (level === undefined || this.#levels === undefined) return undefined
    return toFinding('level', this.#levels.oddness(level, 0), level, this.#levels.usual)
  }
}

function open({ at, category, range }: PlaceTable): [number, Place][] {
  if (category !== undefined) return [[at, new Category(category)]]
  return range === undefined ? [] : [[at, new Range(range)]]
}

/** A place that varies only since this line, or an earlier one that was as odd. */
function lookAtConstant(
  { tokens, numSessions, template }: TemplateHabits,
  at: number,
  text: string,
  value: string,
): HabitFinding | undefined {
  const before = tokens[tokenAt(at)]
  if (before === undefined || before.includes('<*>') || before.includes(text) || template === '')
    return undefined
  return toFinding(
    'constant',
    { surprise: surpriseOf(0, numSessions), seen: 0, of: numSessions },
    value,
    before,
  )
}

function lookAtNumber(range: Range, number: number, value: string): HabitFinding | undefined {
  if (Number.isNaN(number)) return undefined
  const bin = binOf(number)
  return stronger(toFinding('high', range.high(bin, 0), value), toFinding('low', range.low(bin, 0), value))
}

function toFinding(
  kind: HabitFinding['kind'],
  { surprise, seen, of }: Oddness,
  value: string,
  usual?: string,
): HabitFinding | undefined {
  return surprise < MIN_FINDING ? undefined : { kind, surprise, seen, of, value, usual }
}
