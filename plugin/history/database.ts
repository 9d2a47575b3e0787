import { PluginError } from '../errors.js'

/** Thrown when the history's database cannot be used. */
export class HistoryError extends PluginError {
  readonly code = 'ERR_HISTORY'

  constructor(
    message: string,
    readonly retriable: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** Values that both databases take alike: everything else travels as JSON text. */
export type Parameter = string | number | null
export type Row = Readonly<Record<string, unknown>>
export type Query = (text: string, parameters?: readonly Parameter[]) => Promise<readonly Row[]>

/** PostgreSQL, as far as the history uses it. */
export interface Database {
  /** For messages: without password. */
  readonly name: string
  /** Runs one statement with `$1`, `$2`, ... @throws the database's error, whose `code` is the SQLSTATE */
  readonly query: Query
  /** Runs statements that count all or none. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>
  close(): Promise<void>
}
