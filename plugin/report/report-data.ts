import type { TrainedModel } from '../../scorer/trained-model.js'

/** What a report is made of. */
export interface ReportData {
  /** Id of the bundle. */
  readonly id: string
  /** Of logneo. */
  readonly version: string
  readonly madeAt: Date
  readonly model: TrainedModel
  /** Sessions flagged per normal session, for which the report shows the threshold. */
  readonly falseAlarmRate: number
  readonly source: TrainingSource
  /** The template a log key stands for, if known. */
  template(key: string): string | undefined
}

/** Where the training sessions came from. */
export interface TrainingSource {
  /** Input files, as named by the user. */
  readonly paths: readonly string[]
  /** Missing where the files held key sequences. */
  readonly lines?: {
    readonly numLines: number
    readonly numWithoutSession: number
    readonly numTemplates: number
    readonly format: string
    /** How sessions are told apart, in words. */
    readonly sessionRule: string
  }
}
