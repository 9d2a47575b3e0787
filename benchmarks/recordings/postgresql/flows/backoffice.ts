import type { Client } from '../client.js'
import type { Flow, Visit } from '../visit.js'

const dailyReport: Flow = async visit => {
  const days = visit.rng.int(7, 60)
  const client = await visit.open('reporting')
  await client.query('BEGIN TRANSACTION READ ONLY')
  await client.query(
    `WITH recent AS (SELECT * FROM orders WHERE placed_at > now() - interval '${days} days') SELECT status, count(*), sum(total) FROM recent GROUP BY status`,
  )
  const first = visit.rng.int(1, 2000)
  await client.query(
    `SELECT o.customer_id, o.total, o.placed_at FROM orders o WHERE o.id BETWEEN ${first} AND ${first + 5000} ORDER BY o.total DESC, o.customer_id`,
  )
  if (visit.rng.chance(0.5))
    await client.query('SELECT product_id, sold FROM top_products ORDER BY sold DESC LIMIT 20')
  await client.query('COMMIT')
  await client.end()
}

const cursorReport: Flow = async visit => {
  const client = await visit.open('reporting')
  await client.query('BEGIN TRANSACTION READ ONLY')
  await client.query(
    'DECLARE report NO SCROLL CURSOR FOR SELECT id, customer_id, total FROM orders ORDER BY id',
  )
  for (let left = visit.rng.int(2, 5); left > 0; left--) await client.query('FETCH FORWARD 500 FROM report')
  await client.query('CLOSE report')
  await client.query('COMMIT')
  await client.end()
}

/** A report whose author forgets, now and then, that a day may have no visits. */
const ratioReport: Flow = async visit => {
  const client = await visit.open('reporting')
  await client.query(
    "SELECT date_trunc('month', placed_at) AS month, count(*) FROM orders GROUP BY month ORDER BY month",
  )
  if (visit.rng.chance(0.35))
    await client.expectError(
      '22012',
      'SELECT sum(total) / sum(0 * total) AS conversion FROM orders HAVING count(*) > 0',
    )
  await client.query(
    'SELECT sum(total) / nullif(sum(0 * total), 0) AS conversion FROM orders HAVING count(*) > 0',
  )
  await client.end()
}

/** Counts pairs over a series: quick for few days, endless for many. */
export async function forecast(client: Client, days: number): Promise<void> {
  await client.query(forecastStatement(days))
}

function forecastStatement(days: number): string {
  return `SELECT avg(a.day * b.day) AS trend FROM generate_series(1, ${days}) a(day) CROSS JOIN generate_series(1, ${days}) b(day)`
}

/** Someone asks for too much, presses Ctrl-C and asks for less. */
const cancelledReport: Flow = async visit => {
  const client = await visit.open('reporting')
  await client.query(
    "SELECT date_trunc('month', placed_at) AS month, count(*) FROM orders GROUP BY month ORDER BY month",
  )
  if (visit.rng.chance(0.5)) {
    const days = visit.rng.int(20000, 40000)
    await Promise.all([
      client.expectError('57014', forecastStatement(days)),
      visit.pause(300, 450).then(() => visit.cancel(client)),
    ])
  }
  await forecast(client, visit.rng.int(30, 120))
  await client.end()
}

/** Reads the whole audit archive, the only report to do so. */
export const archiveReport: Flow = async visit => {
  const client = await visit.open('reporting')
  await client.query("SELECT count(*) FROM audit_archive WHERE actor = 'user7'")
  await client.query(
    `SELECT actor, max(happened_at) FROM audit_archive GROUP BY actor HAVING count(*) > ${visit.rng.int(10, 200)}`,
  )
  await client.end()
}

function importRows(visit: Visit): string {
  const rows = Array.from({ length: 3000 }, () => {
    const number = visit.world.counters.product++
    return `SKU-${number}\tImported ${number}\t${visit.rng.int(5, 80)}\t100\t${'n'.repeat(120)}`
  })
  return `${rows.join('\n')}\n`
}

/** Loads a supplier's list through the staging table. */
export const importFlow: Flow = visit => visit.inTurn('import', () => runImport(visit))

async function runImport(visit: Visit): Promise<void> {
  const client = await visit.open('batch')
  await client.query('SELECT pg_advisory_lock(7)')
  await client.query('TRUNCATE import_staging')
  await client.query('COPY import_staging (sku, title, price, stock, notes) FROM STDIN', importRows(visit))
  await client.query('BEGIN')
  await client.query("DELETE FROM import_staging s WHERE s.price < 6 OR s.title = ''")
  await client.query(
    "UPDATE products p SET price = s.price FROM import_staging s WHERE s.sku = p.sku AND s.price <> p.price AND p.sku LIKE 'SKU-1%'",
  )
  await client.query('COMMIT')
  await client.query('TRUNCATE import_staging')
  if (visit.rng.chance(0.5)) await client.query('VACUUM (ANALYZE) products')
  await client.end()
}

const exportFlow: Flow = async visit => {
  const client = await visit.open('batch')
  await client.query(
    'CREATE TEMPORARY TABLE export_orders AS SELECT id, customer_id, total FROM orders ORDER BY id DESC LIMIT 500',
  )
  if (visit.rng.chance(0.5)) await client.query('ANALYZE export_orders')
  await client.query('COPY (SELECT * FROM export_orders) TO STDOUT WITH (FORMAT csv, HEADER)')
  await client.query('DROP TABLE export_orders')
  await client.end()
}

const closeOfDay: Flow = async visit => {
  const client = await visit.open('batch')
  await client.query('BEGIN')
  await client.query(
    'INSERT INTO daily_sales SELECT placed_at::date, count(*), sum(total) FROM orders GROUP BY 1 ON CONFLICT (day) DO UPDATE SET num_orders = excluded.num_orders, turnover = excluded.turnover',
  )
  await client.query('REFRESH MATERIALIZED VIEW top_products')
  await client.query('COMMIT')
  await client.query('VACUUM (ANALYZE) daily_sales')
  await client.end()
}

/** A migration tool: probes for its own table's newer form, then applies what is missing. */
const migration: Flow = async visit => {
  const client = await visit.open('migrator')
  const version = visit.rng.int(1000, 999999)
  await client.expectError('42703', 'SELECT checksum FROM schema_migrations LIMIT 1')
  await client.query('SELECT max(version) FROM schema_migrations')
  await client.query('BEGIN')
  await client.query(
    `CREATE TABLE IF NOT EXISTS feature_${version} (name text PRIMARY KEY, is_enabled boolean NOT NULL DEFAULT false)`,
  )
  if (visit.rng.chance(0.5)) await client.query(`CREATE INDEX ON feature_${version} (is_enabled)`)
  await client.query(`INSERT INTO schema_migrations (version) VALUES (${version}) ON CONFLICT DO NOTHING`)
  await client.query('COMMIT')
  await client.query(`DROP TABLE feature_${version}`)
  await client.end()
}

export const backofficeFlows = {
  dailyReport,
  cursorReport,
  ratioReport,
  cancelledReport,
  archiveReport,
  import: importFlow,
  export: exportFlow,
  closeOfDay,
  migration,
}
