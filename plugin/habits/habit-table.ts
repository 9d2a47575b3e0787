import { z } from 'zod'
import { categorySchema } from './category.js'
import { rangeSchema } from './range.js'

const count = z.number().int().nonnegative()

/** Where in a template a parameter stands: token times 4 plus its number within the token. */
const place = z.strictObject({
  at: count,
  category: categorySchema.optional(),
  range: rangeSchema.optional(),
})

/** What training showed of parameters and times: plain numbers and texts, a file of the bundle. Templates by id. */
export const habitSchema = z.strictObject({
  templates: z.record(z.string(), z.strictObject({ numSessions: count, places: z.array(place) })),
  /** Levels of lines; missing where headers name none. */
  levels: categorySchema.optional(),
  /** Missing where lines have no times. */
  times: z
    .strictObject({
      /** The finest time between two lines, in milliseconds. */
      tickMs: z.number().positive(),
      /** The longest between two lines of the log that is believed, in milliseconds. */
      maxStepMs: z.number().nonnegative(),
      /** Milliseconds between a line and the next of its session: first template (any where null), second template. */
      gaps: z.array(z.tuple([z.string().nullable(), z.string(), rangeSchema])),
      /** Lines a session has within each of BURST_SPANS_MS, at most. */
      bursts: z.array(rangeSchema),
    })
    .optional(),
})

export type HabitTable = z.infer<typeof habitSchema>
export type PlaceTable = z.infer<typeof place>

/** Of a model that was learnt from keys alone. */
export const NO_HABITS: HabitTable = { templates: {} }

const MAX_PER_TOKEN = 4

/** `at` of a parameter that is the `nth` of its token. */
export function placeAt(token: number, nth: number): number {
  return MAX_PER_TOKEN * token + Math.min(nth, MAX_PER_TOKEN - 1)
}
