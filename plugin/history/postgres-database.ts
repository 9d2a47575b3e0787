import type { Sql, TransactionSql } from 'postgres'
import type { Database, Parameter, Query, Row } from './database.js'

/** One writes, one reads. */
const MAX_CONNECTIONS = 2
const CONNECT_TIMEOUT_SECONDS = 10
const STATEMENT_TIMEOUT_MS = 60_000
const CLOSE_TIMEOUT_SECONDS = 1

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`, with `?sslmode=require` where wanted. */
  readonly url: string
  /** Certificates to trust instead of the usual ones, PEM; switches TLS on. */
  readonly ca?: string | undefined
}

/** A PostgreSQL server. Connects when the first statement is run, and again when the connection was lost. */
export async function openPostgres({ url, ca }: PostgresOptions): Promise<Database> {
  const { default: postgres } = await import('postgres')
  const sql = postgres(url, {
    max: MAX_CONNECTIONS,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    connection: { application_name: 'logneo', statement_timeout: STATEMENT_TIMEOUT_MS },
    ...(ca !== undefined && { ssl: { ca } }),
    onnotice: () => {},
  })
  return {
    name: nameOf(url),
    query: queryOf(sql),
    transaction: async work => (await sql.begin(transaction => work(queryOf(transaction)))) as never,
    close: () => sql.end({ timeout: CLOSE_TIMEOUT_SECONDS }),
  }
}

const queryOf =
  (sql: Sql | TransactionSql): Query =>
  async (text, parameters = []) =>
    (await sql.unsafe(text, parameters as Parameter[])) as unknown as readonly Row[]

function nameOf(url: string): string {
  const { host, pathname } = new URL(url)
  return `postgresql ${host}${pathname}`
}
