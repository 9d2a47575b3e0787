import { z } from 'zod'
import { oneOf, optional, settings, someInteger, text, yesOrNo } from '../config-fields.js'
import { DEFAULT_FOLLOW_OPTIONS as follow } from '../input/follow/options.js'
import { MAX_MS } from './limits.js'

/** `input.files` */
export const filesInput = settings({
  paths: z
    .array(text('A file.'), { error: 'a list of files, such as [app.log, old.log.gz]' })
    .min(1, { error: 'a list of at least one file' })
    .meta({ description: 'Files, one record a line; plain or gzip.' }),
  tag: text('Tag of their records; the outputs put their prefix before it.'),
  follow: optional(
    yesOrNo('Whether they are followed as they grow and are rotated; else read once, from beginning to end.'),
    false,
  ),
  start_at: optional(
    oneOf(['beginning', 'end'] as const, 'Where a followed file begins that was never followed before.'),
    follow.startAt,
  ),
  poll_ms: optional(someInteger(1, MAX_MS, 'How often quiet followed files are looked at.'), follow.pollMs),
  rotate_wait_ms: optional(
    someInteger(0, MAX_MS, 'How long a rotated file must be quiet before the next is begun.'),
    follow.rotateWaitMs,
  ),
  max_line_bytes: optional(
    someInteger(64, 2 ** 28, 'Longest line of a followed file; a longer one is cut.'),
    follow.maxLineBytes,
  ),
})
