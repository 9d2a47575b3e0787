import { z } from 'zod'
import { DETECTOR_NAMES } from '../../scorer/detectors/detector.js'
import { DEFAULT_JUDGE_OPTIONS } from '../../scorer/judge.js'
import { DEFAULT_RECURRENCE_OPTIONS } from '../adopt/recurrence.js'
import { optional, settings, someInteger, someNumber, yesOrNo } from '../config-fields.js'
import { MAX_SECONDS } from './limits.js'

const recurrence = DEFAULT_RECURRENCE_OPTIONS

const adopt = settings({
  enabled: yesOrNo('Whether what keeps coming back in flagged sessions is taken as normal.'),
  sessions: optional(someInteger(2, 1e6, 'Flagged sessions that must show it.'), recurrence.sessions),
  share: optional(
    someNumber(
      { above: 0, below: 1 },
      'Share of the sessions that must show it: since the first, or of low severity among the latest.',
    ),
    recurrence.share,
  ),
  minutes: optional(
    someNumber(
      { from: 0, to: MAX_SECONDS, what: 'minutes' },
      'What they must be spread over where severity is medium or high, or a kind of line is new.',
    ),
    recurrence.minutes,
  ),
}).meta({ description: 'Adoption of what keeps coming back; needs a state directory.' })

const TOP_K = { error: 'auto, adaptive, an integer >= 1, or a share of the keys above 0 and below 1' }

/** `detect`: what is flagged, and what is taken as normal after all. */
export const detect = settings({
  false_alarm_rate: optional(
    someNumber(
      { above: 0, below: 1 },
      'Sessions flagged per normal session. By default 0.001, or more where the model was trained on fewer than 4,000 sessions.',
    ),
  ),
  detectors: optional(
    z
      .array(z.enum(DETECTOR_NAMES, { error: `one of ${DETECTOR_NAMES.join(', ')}` }), {
        error: `a list of detectors: ${DETECTOR_NAMES.join(', ')}`,
      })
      .min(1, { error: `a list of at least one of ${DETECTOR_NAMES.join(', ')}` })
      .meta({ description: 'Which detectors decide.' }),
    [...DEFAULT_JUDGE_OPTIONS.detectors],
  ),
  top_k: optional(
    z
      .union(
        [z.literal(['auto', 'adaptive']), z.int().min(1, TOP_K), z.number().gt(0, TOP_K).lt(1, TOP_K)],
        TOP_K,
      )
      .meta({
        description:
          'K of the detector top-k: auto, adaptive, a number, or a share of the keys such as 0.45.',
      }),
    'auto',
  ),
  fields: optional(
    z
      .enum(['minimal', 'full'], { error: 'minimal or full' })
      .meta({ description: 'Fields that ordinary records carry; anomalies carry all.' }),
    'full',
  ),
  adopt: optional(adopt),
  session_summaries: optional(yesOrNo('Whether each closed session sends a record of its own.'), true),
})
