import { type Database, HistoryError, type Query } from './database.js'

/**
 * Each makes the tables of one version out of those of the version before; the first makes the first. What was released is never changed:
 * a change is a new migration at the end.
 */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE logneo_anomalies (
      id text PRIMARY KEY,
      time timestamptz NOT NULL,
      seen_at timestamptz NOT NULL,
      tag text NOT NULL,
      session text,
      severity text NOT NULL,
      score real NOT NULL,
      reasons jsonb NOT NULL,
      template text,
      template_id text,
      model text,
      message text,
      line text NOT NULL,
      context jsonb NOT NULL,
      verdict jsonb NOT NULL
    )`,
    'CREATE INDEX logneo_anomalies_seen_at ON logneo_anomalies (seen_at)',
    'CREATE INDEX logneo_anomalies_session ON logneo_anomalies (session)',
    `CREATE TABLE logneo_sessions (
      id text PRIMARY KEY,
      session text NOT NULL,
      seen_at timestamptz NOT NULL,
      anomaly boolean NOT NULL,
      severity text NOT NULL,
      score real NOT NULL,
      reasons jsonb NOT NULL,
      message text,
      events bigint NOT NULL,
      anomalies bigint NOT NULL,
      closed text NOT NULL,
      started timestamptz,
      ended timestamptz,
      model text,
      summary jsonb NOT NULL
    )`,
    'CREATE INDEX logneo_sessions_seen_at ON logneo_sessions (seen_at)',
    'CREATE INDEX logneo_sessions_session ON logneo_sessions (session)',
  ],
]

/** Any number, the same in all replicas: those that start together migrate one after the other. */
const LOCK = 5_471_966_046

/** Brings the tables to the present version. @throws HistoryError when they are of a later one */
export function migrate(database: Database): Promise<void> {
  return database.transaction(async query => {
    await query(`SELECT pg_advisory_xact_lock(${LOCK})`)
    await query(
      'CREATE TABLE IF NOT EXISTS logneo_migrations (version integer PRIMARY KEY, applied_at timestamptz NOT NULL)',
    )
    const version = await versionOf(query)
    if (version > MIGRATIONS.length) {
      throw new HistoryError(
        `${database.name} has tables of version ${version}, this LogNEO knows ${MIGRATIONS.length}: update LogNEO or use another database`,
        false,
      )
    }
    for (let next = version; next < MIGRATIONS.length; next++) {
      for (const statement of MIGRATIONS[next]!) await query(statement)
      await query(`INSERT INTO logneo_migrations VALUES (${next + 1}, now())`)
    }
  })
}

async function versionOf(query: Query): Promise<number> {
  const [row] = await query('SELECT coalesce(max(version), 0)::integer AS version FROM logneo_migrations')
  return Number(row?.version)
}
