import type { Logger } from 'pino'
import { readBundleId } from '../../scorer/bundle.js'
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

/** Watches the stage's sidecar, where the config wants one: its changes of state are logged, counted and, where another model lies ready, followed. */
export class SidecarWatch {
  #renew: (bundle: string) => Promise<void> = async () => {}

  constructor(
    readonly config: Config,
    readonly log: Logger,
    readonly metrics: Metrics,
  ) {}

  /** For the stage that is to use the sidecar. */
  get stageOptions(): Pick<StageOptions, 'sidecar'> {
    const { sidecar } = this.config.stage
    if (sidecar === undefined) return {}
    return { sidecar: { ...sidecar, name: `logneo ${packageVersion()}`, onState: this.#changed } }
  }

  /** @param reload reads the model in the stage's folder again */
  attach(stage: Stage, reload: () => Promise<void>): void {
    if (this.config.stage.sidecar === undefined) return
    this.metrics.gauge('sidecar_ready', 'Whether the sidecar answers.', () =>
      stage.engine.parts.model?.scorer.isReady === true ? 1 : 0,
    )
    this.#renew = async bundle => {
      if ((await readBundleId(this.config.stage.model)) === bundle) await reload()
    }
  }

  readonly #changed = (state: SidecarState, detail: string, bundle?: string): void => {
    this.metrics.labelled('sidecar_changes_total', { state })
    this.log[state === 'ready' ? 'info' : 'warn'](`${MEANING[state]}: ${detail}`)
    // Whoever replaces the model in a folder that stage and sidecar share need tell only one of them.
    if (state === 'mismatch' && bundle !== undefined)
      this.#renew(bundle).catch((error: Error) =>
        this.log.warn(`the model could not be read again, the one before stays: ${error.message}`),
      )
  }
}
