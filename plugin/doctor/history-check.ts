import { readFileSync } from 'node:fs'
import type { Database } from '../history/database.js'
import { MIGRATIONS } from '../history/migrations.js'
import type { HistoryPlace } from '../history/open-history.js'
import { openPostgres } from '../history/postgres-database.js'
import { noteClock } from './clock.js'
import type { Findings, PeerCheck } from './findings.js'

const ADVICE = 'see that the server runs, and that the address, user, password and tls.ca are right'

/** Logs in and reads; makes no table and writes no row. */
export function postgresCheck({ url, caFile }: Extract<HistoryPlace, { kind: 'postgres' }>): PeerCheck {
  const { host, pathname } = new URL(url)
  return {
    part: 'persist.postgres',
    peer: `${host}${pathname}`,
    advice: ADVICE,
    look: async (findings, signal) => {
      const ca = caFile === undefined ? undefined : readFileSync(caFile, 'utf8')
      const database = await openPostgres({ url, ca })
      signal.addEventListener('abort', () => void database.close(), { once: true })
      try {
        await noteServer(database, findings)
        await noteTables(database, findings)
      } finally {
        await database.close()
      }
    },
  }
}

async function noteServer(database: Database, findings: Findings): Promise<void> {
  const [row] = await database.query(
    `SELECT current_setting('server_version') AS version, current_user AS who,
      (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls,
      extract(epoch FROM clock_timestamp())::float8 * 1000 AS now`,
  )
  const { version, who, tls, now } = row!
  findings.ok(`PostgreSQL ${version}, as ${who}${tls === true ? ' by TLS' : ''}`)
  noteClock(findings, Number(now))
}

async function noteTables(database: Database, findings: Findings): Promise<void> {
  const [row] = await database.query(
    `SELECT to_regclass('logneo_migrations') IS NOT NULL AS migrated,
      has_schema_privilege(current_schema(), 'CREATE') AS may_create`,
  )
  const version = row!.migrated === true ? await versionOf(database) : 0
  if (version > MIGRATIONS.length)
    findings.failed(
      `its tables are of version ${version}, this LogNEO knows ${MIGRATIONS.length}`,
      'update LogNEO, or use another database',
    )
  else if (version === MIGRATIONS.length) findings.ok(`its tables are of version ${version}, the present one`)
  else if (row!.may_create === true)
    findings.ok(`its tables are of version ${version}; the first start makes those of ${MIGRATIONS.length}`)
  else
    findings.failed(
      `its tables are of version ${version}, and this user may make none`,
      'GRANT CREATE ON SCHEMA public TO the user, at least for the first start',
    )
}

async function versionOf(database: Database): Promise<number> {
  const [row] = await database.query(
    'SELECT coalesce(max(version), 0)::integer AS version FROM logneo_migrations',
  )
  return Number(row?.version)
}
