import type { Database } from './database.js'
import { type Kind, TABLES } from './rows.js'

/** What is looked for in the history. */
export interface HistoryQuery {
  readonly kind: Kind
  readonly session?: string | undefined
  /** ISO 8601: what was seen since then. */
  readonly since?: string | undefined
  /** Rows at most, the latest of them. */
  readonly limit: number
}

/** Inserts rows, given as a list in JSON text; those whose id is there already are left alone. @returns how many were new */
export async function insertRows(database: Database, kind: Kind, list: string): Promise<number> {
  const { table, columns } = TABLES[kind]
  const names = Object.keys(columns).join(', ')
  const types = Object.entries(columns)
    .map(([name, type]) => `${name} ${type}`)
    .join(', ')
  const rows = await database.query(
    `INSERT INTO ${table} (${names}) SELECT ${names} FROM jsonb_to_recordset($1::text::jsonb) AS rows (${types})
     ON CONFLICT (id) DO NOTHING RETURNING 1`,
    [list],
  )
  return rows.length
}

/** The latest rows that match, oldest first, each as JSON text. */
export async function findRows(database: Database, query: HistoryQuery): Promise<string[]> {
  const { session, since, limit, kind } = query
  const rows = await database.query(
    `SELECT to_jsonb(found)::text AS row FROM (
       SELECT * FROM ${TABLES[kind].table}
       WHERE ($1::text IS NULL OR session = $1) AND ($2::text IS NULL OR seen_at >= $2::text::timestamptz)
       ORDER BY seen_at DESC, id LIMIT $3::text::integer
     ) AS found ORDER BY seen_at, id`,
    [session ?? null, since ?? null, String(limit)],
  )
  return rows.map(({ row }) => String(row))
}

/**
 * Takes rows that were seen before a time out of a table, for good once `keep` has them safe; other replicas take others meanwhile.
 *
 * @returns how many there were
 */
export function expireRows(
  database: Database,
  kind: Kind,
  before: string,
  limit: number,
  keep: (rows: readonly string[]) => Promise<void>,
): Promise<number> {
  const { table } = TABLES[kind]
  return database.transaction(async query => {
    const rows = await query(
      `DELETE FROM ${table} AS expired WHERE id IN (
         SELECT id FROM ${table} WHERE seen_at < $1::text::timestamptz ORDER BY seen_at LIMIT $2::text::integer FOR UPDATE SKIP LOCKED
       ) RETURNING to_jsonb(expired)::text AS row`,
      [before, String(limit)],
    )
    if (rows.length > 0) await keep(rows.map(({ row }) => String(row)))
    return rows.length
  })
}
