import type { z } from 'zod'
import { optional, settings } from './config-fields.js'
import { alerts } from './config-sections/alerts.js'
import { detect } from './config-sections/detect.js'
import { input } from './config-sections/input.js'
import { line } from './config-sections/line.js'
import { model, scorer } from './config-sections/model.js'
import { deadLetter, feedback, log, metrics, state } from './config-sections/operation.js'
import { output } from './config-sections/output.js'
import { persist } from './config-sections/persist.js'
import { session } from './config-sections/session.js'
import { store } from './config-sections/store.js'

/** Sections of later versions: they are not accepted silently, and the message says why. */
export const LATER_SETTINGS: readonly string[] = ['dashboard', 'output.http']

/** The config file as it is written: names in snake_case, before paths are resolved. */
export const configFileSchema = settings({
  model,
  input,
  line: optional(line),
  session: optional(session),
  store: optional(store),
  detect: optional(detect),
  scorer: optional(scorer),
  output,
  dead_letter: optional(deadLetter),
  metrics: optional(metrics),
  state: optional(state),
  feedback: optional(feedback),
  persist: optional(persist),
  alerts: optional(alerts),
  log: optional(log),
})

export type ConfigFile = z.infer<typeof configFileSchema>
