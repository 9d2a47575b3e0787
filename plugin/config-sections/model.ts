import { PRECISIONS } from '../../scorer/model/precision.js'
import { PROVIDERS } from '../../scorer/provider.js'
import { DEFAULT_SCORER_OPTIONS } from '../../scorer/scorer.js'
import { oneOf, optional, settings, someInteger, someNumber, text, yesOrNo } from '../config-fields.js'
import { DEFAULT_LEARNER_OPTIONS } from '../learn/options.js'
import { MIB } from './limits.js'
import { sidecar } from './sidecar.js'

const learner = DEFAULT_LEARNER_OPTIONS

const learn = settings({
  enabled: optional(
    yesOrNo('Whether, with nothing at path, one is learnt from the stream; else that is an error.'),
    true,
  ),
  sessions: optional(someInteger(20, 1e6, 'Sessions that must have closed first.'), learner.sessions),
  new_templates: optional(
    someInteger(0, 1e6, 'Templates that may have come up in the last third of them only.'),
    learner.newTemplates,
  ),
  buffer_mb: optional(
    someInteger(1, 1e6, 'Memory for sessions to train on, in MiB.'),
    learner.bufferBytes / MIB,
  ),
}).meta({ description: 'Learning a first model from the stream, and the buffer of sessions for it.' })

const retrain = settings({
  on_drift: optional(
    yesOrNo('Whether a new model is trained when the log has moved from what this one learnt.'),
    learner.onDrift,
  ),
  every_hours: optional(
    someNumber({ above: 0, to: 87_600, what: 'hours' }, 'A new model is trained every so often.'),
  ),
}).meta({ description: 'Training in the background on the latest sessions that were not flagged.' })

/** `model`: which model, what runs it, how it is learnt and learnt again. */
export const model = settings({
  path: text('Folder of the model, or where one that is learnt goes; relative to this file.'),
  precision: optional(
    oneOf(PRECISIONS, 'Number format of its matrices: int8 is for the CPU, float16 for GPUs.'),
    DEFAULT_SCORER_OPTIONS.precision,
  ),
  provider: optional(
    oneOf(PROVIDERS, 'What runs it; all but cpu need a GPU and libraries: see logneo doctor.'),
    DEFAULT_SCORER_OPTIONS.provider,
  ),
  device_id: optional(
    someInteger(0, 255, 'Which of several GPUs, counted from 0.'),
    DEFAULT_SCORER_OPTIONS.deviceId,
  ),
  threads: optional(someInteger(1, 1024, 'CPU threads that run it.'), DEFAULT_SCORER_OPTIONS.threads),
  sidecar: optional(sidecar),
  learn: optional(learn),
  retrain: optional(retrain),
})

/** `scorer` */
export const scorer = settings({
  cache_mb: optional(
    someInteger(1, 1e6, 'Memory for remembered prefixes of sessions, in MiB.'),
    DEFAULT_SCORER_OPTIONS.cacheBytes / MIB,
  ),
})
