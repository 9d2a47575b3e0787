import type { Logger } from 'pino'
import type { SidecarState } from '../../sidecar/options.js'
import type { Config } from '../config.js'
import type { Metrics } from '../metrics.js'
import { packageVersion } from '../package-version.js'
import type { Stage } from '../stage.js'
import type { StageOptions } from '../stage-options.js'

const MEANING: Readonly<Record<SidecarState, string>> = {
  ready: 'the sidecar answers',
  away: 'the sidecar is away, records pass unscored until it is back',
  mismatch: 'the sidecar has another model, records pass unscored until it has this one',
  refused: 'the sidecar refuses this stage, records pass unscored',
}

/** The stage's client of a sidecar, where the config wants one: its changes of state are logged and counted. */
export function sidecarOptions(config: Config, log: Logger, metrics: Metrics): Pick<StageOptions, 'sidecar'> {
  const { sidecar } = config.stage
  if (sidecar === undefined) return {}
  const onState = (state: SidecarState, detail: string): void => {
    metrics.labelled('sidecar_changes_total', { state })
    log[state === 'ready' ? 'info' : 'warn'](`${MEANING[state]}: ${detail}`)
  }
  return { sidecar: { ...sidecar, name: `logneo ${packageVersion()}`, onState } }
}

/** Exports whether the sidecar answers, where there is one. */
export function addSidecarGauge(config: Config, stage: Stage, metrics: Metrics): void {
  if (config.stage.sidecar === undefined) return
  metrics.gauge('sidecar_ready', 'Whether the sidecar answers.', () =>
    stage.engine.parts.model?.scorer.isReady === true ? 1 : 0,
  )
}
