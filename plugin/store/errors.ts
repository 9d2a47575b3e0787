import { PluginError } from '../errors.js'

/** Thrown when shared sessions could not be reached or written. Nothing is lost: the chunk, sent again, is judged then. */
export class StoreError extends PluginError {
  readonly code = 'ERR_STORE'
  readonly retriable = true
}
