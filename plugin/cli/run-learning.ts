import type { Logger } from 'pino'
import type { Adoption } from '../adopt/adoptions.js'
import { StateDirectory } from '../adopt/state-directory.js'
import type { Config } from '../config.js'
import { Learner } from '../learn/learner.js'
import { loadDrain } from '../learn/replay-file.js'
import { trainApart } from '../learn/train-apart.js'
import type { Metrics } from '../metrics.js'
import { isNothingAt } from '../model.js'
import { reloadModel } from '../reload.js'
import type { Stage } from '../stage.js'
import type { StageOptions } from '../stage-options.js'

/** All that a running stage learns, and what it is told. */
export interface RunLearning {
  /** For the stage that is to learn. */
  readonly stageOptions: Pick<
    StageOptions,
    'state' | 'adopt' | 'mayLearn' | 'drain' | 'keepsHistory' | 'collect'
  >
  attach(stage: Stage): void
  /** Marks a flagged session as normal. */
  mark(session: string): Adoption | undefined
  /** Reads what was adopted, and the model, again. */
  reload(stage: Stage): Promise<void>
  stop(): Promise<void>
}

/** Sets up adoption and learning as the config says, with their messages and metrics. */
export async function startLearning(config: Config, log: Logger, metrics: Metrics): Promise<RunLearning> {
  const { learn } = config
  const { mayLearn, onDrift, everyHours } = learn
  const isFirst = mayLearn && (await isNothingAt(config.stage.model))
  const path = config.state ?? (isFirst ? `${config.stage.model}.state` : undefined)
  const state =
    path === undefined
      ? undefined
      : StateDirectory.open(path, {
          onChange: (event, adoption) => noteChange(event, adoption, log, metrics),
          warn: message => log.warn(message),
        })
  const learner = new Learner(
    { directory: path, train: trainApart, onEvent: noteTraining(log, metrics) },
    learn,
  )
  await learner.load()
  addGauges(metrics, learner, state)
  return {
    stageOptions: {
      state,
      ...(config.stage.adopt && { adopt: config.stage.adopt }),
      mayLearn,
      drain: isFirst ? await loadDrain(path!) : undefined,
      keepsHistory: onDrift === true || everyHours !== undefined,
      collect: closed => learner.collect(closed),
    },
    attach(stage) {
      learner.attach(stage)
      if (stage.engine.parts.model === undefined)
        log.warn(`no model at ${config.stage.model}: learning from the stream, records pass as learning`)
    },
    mark(session) {
      const adoption = state?.mark(session)
      if (adoption !== undefined) learner.mark(session)
      return adoption
    },
    async reload(stage) {
      state?.reload()
      const isLearning = stage.engine.parts.model === undefined
      if (isLearning && (await isNothingAt(config.stage.model))) return
      log.info(`model ${await reloadModel(stage.engine, stage.options)} read again`)
    },
    async stop() {
      await learner.stop()
      state?.close()
    },
  }
}

function noteChange(
  event: 'adopted' | 'revoked',
  { id, by, session, description }: Adoption,
  log: Logger,
  metrics: Metrics,
): void {
  metrics.labelled('adoptions_total', { event, by })
  log.info(
    { id, by, session, what: description },
    event === 'adopted' ? 'taken as normal' : 'no longer normal',
  )
}

function noteTraining(log: Logger, metrics: Metrics) {
  return (event: 'training' | 'trained' | 'failed', detail: string): void => {
    metrics.labelled('trainings_total', { event })
    if (event === 'training') log.info(`training in the background ${detail}`)
    else if (event === 'trained') log.info(`model ${detail} was trained and judges from now on`)
    else log.warn(`training failed, what judged before goes on: ${detail}`)
  }
}

function addGauges(metrics: Metrics, learner: Learner, state: StateDirectory | undefined): void {
  const { drift, buffer } = learner
  metrics.gauge('adopted', 'Adoptions in force.', () => state?.adoptions.size ?? 0)
  metrics.gauge('replay_sessions', 'Sessions kept to train on.', () => buffer.size)
  metrics.gauge('replay_bytes', 'Memory of the sessions kept to train on, about.', () => buffer.bytes)
  metrics.gauge(
    'drift_unknown_share',
    'Share of lines of the last 1,000 sessions whose template the model does not know.',
    () => drift.unknownShare,
  )
  metrics.gauge(
    'drift_strange_share',
    'Share of the last 1,000 sessions with a p-value of at most 0.1, expected to be 0.1.',
    () => drift.strangeShare,
  )
}
