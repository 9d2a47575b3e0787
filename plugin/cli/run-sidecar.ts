import type { Logger } from 'pino'
import { readBundleId } from '../../scorer/bundle.js'
import type { SidecarState } from '../../sidecar/options.js'
import type { Config } from '../config.js'
import type { Metrics } from '../metrics.js'
import { packageVersion } from '../package-version.js'
import { RepeatedWarning } from '../repeated-warning.js'
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
  #isLooking = false
  readonly #failures: RepeatedWarning

  constructor(
    readonly config: Config,
    readonly log: Logger,
    readonly metrics: Metrics,
  ) {
    this.#failures = new RepeatedWarning(message => log.warn(message))
  }

  /** For the stage that is to use the sidecar. */
  get stageOptions(): Pick<StageOptions, 'sidecar'> {
    const { sidecar } = this.config.stage
    if (sidecar === undefined) return {}
    const name = `logneo ${packageVersion()}`
    const onOtherBundle = (bundle: string): void => void this.#look(bundle)
    return { sidecar: { ...sidecar, name, onState: this.#changed, onOtherBundle } }
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

  readonly #changed = (state: SidecarState, detail: string): void => {
    this.metrics.labelled('sidecar_changes_total', { state })
    this.log[state === 'ready' ? 'info' : 'warn'](`${MEANING[state]}: ${detail}`)
  }

  /** Whoever replaces the model in a folder that stage and sidecar share need tell only one of them. Ours may be complete only later. */
  async #look(bundle: string): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      await this.#renew(bundle)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#failures.give(`the model could not be read again, the one before stays: ${reason}`)
    } finally {
      this.#isLooking = false
    }
  }
}
