import { optional, settings, someInteger, someNumber, text } from '../config-fields.js'
import { MAX_SECONDS } from './limits.js'

const groupBy = {
  regex: optional(text('A pattern: its first group in the line, else the whole match, is the id.')),
  field: optional(text('A field of the record or of the header: a dotted path.')),
}

const seconds = (description: string) =>
  someNumber({ above: 0, to: MAX_SECONDS, what: 'seconds' }, description)

const DEFAULT_MAX_SESSIONS = 100_000

/** `session`: what tells sessions apart. */
export const session = settings({
  ...groupBy,
  window: optional(
    settings({
      seconds: seconds('Length of a window.'),
      step: optional(
        seconds('A window begins every so many seconds; by default each begins where one ends.'),
      ),
      by: optional(settings(groupBy).meta({ description: 'Windows of each value by itself.' })),
    }),
  ),
  idle_timeout_seconds: optional(seconds('A session quiet for so long has ended.')),
  end: optional(text('A pattern: a line that matches ends its session.')),
  max_sessions: optional(
    someInteger(1, 1e8, 'Sessions held at most; the least recently touched makes room.'),
    DEFAULT_MAX_SESSIONS,
  ),
  disorder_seconds: optional(
    someNumber({ from: 0, to: MAX_SECONDS, what: 'seconds' }, 'How far lines may come out of order.'),
    0,
  ),
  reorder_ms: optional(
    someInteger(
      0,
      60_000,
      'How long lines are held back to be put into the order of their times, where several connections mix them up.',
    ),
    0,
  ),
}).meta({ description: 'What tells sessions apart. By default the rule the model was trained with.' })
