import type { Client } from '../client.js'
import type { Flow, Visit } from '../visit.js'
import { NUM_CUSTOMERS, PRODUCTS } from '../world.js'

type Checkout = (visit: Visit, client: Client) => Promise<void>

const showStock: Checkout = async ({ rng }, client) => {
  await client.query(`SELECT sku, stock FROM products WHERE sku = 'SKU-${rng.int(10001, 10400)}'`)
}

const changePrice: Checkout = async (visit, client) => {
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED')
  const product = visit.product()
  await client.query(`SELECT price FROM products WHERE id = ${product} FOR NO KEY UPDATE OF products`)
  await client.query(`UPDATE products SET price = ${visit.rng.int(500, 9000) / 100} WHERE id = ${product}`)
  await client.query('COMMIT')
}

const findCustomer: Checkout = async ({ rng }, client) => {
  await client.execute(
    'SELECT count(*), max(last_login) FROM customers WHERE id = $1',
    rng.int(1, NUM_CUSTOMERS),
  )
}

const setTimeZone: Checkout = async ({ rng }, client) => {
  await client.query("SET TIME ZONE 'Europe/Berlin'")
  await client.query(
    `SELECT placed_at::date, count(*) FROM orders WHERE customer_id = ${rng.int(1, 2000)} GROUP BY 1`,
  )
}

/** A pooler's server connection: several applications' transactions with DISCARD ALL between them. */
const pooled: Flow = async visit => {
  const client = await visit.open('api')
  for (let left = visit.rng.int(2, 7); left > 0; left--) {
    await visit.rng.pick([showStock, changePrice, findCustomer, setTimeZone])(visit, client)
    await client.query('DISCARD ALL')
    await visit.pause(50, 1200)
  }
  await client.end()
}

/** An interface that prepares its statements once and runs them by name. */
const preparedApi: Flow = async visit => {
  const { rng } = visit
  const client = await visit.open('api')
  await client.prepare(
    'find',
    'SELECT id, title, price FROM products WHERE price BETWEEN $1 AND $2 ORDER BY price LIMIT 10',
  )
  await client.prepare('rate', 'INSERT INTO reviews (product_id, rating, body) VALUES ($1, $2, $3)')
  for (let left = rng.int(2, 5); left > 0; left--) {
    const price = rng.int(5, 60)
    await client.runPrepared('find', price, price + 20)
  }
  if (rng.chance(0.4))
    await client.runPrepared('rate', rng.int(...PRODUCTS.web), rng.int(1, 5), 'as described')
  await client.end()
}

/** Waits for work and takes one to three jobs from the queue. */
const queueWorker: Flow = async visit => {
  const client = await visit.open('worker')
  await client.query('LISTEN order_paid')
  for (let left = visit.rng.int(1, 3); left > 0; left--) {
    await visit.pause(200, 1500)
    await client.query('BEGIN')
    const [[job = ''] = []] = await client.query(
      "SELECT id, kind, payload FROM jobs WHERE state = 'ready' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
    )
    await client.query(`UPDATE jobs SET state = 'done', finished_at = now() WHERE jobs.id = ${job || 0}`)
    await client.query('COMMIT')
  }
  await client.query('UNLISTEN *')
  await client.end()
}

/** Runs a periodic task if no other instance holds the lock. */
const scheduler: Flow = async visit => {
  const client = await visit.open('worker')
  const lock = visit.rng.int(1, 100000)
  await client.query(`SELECT pg_try_advisory_lock(${lock}) AS acquired`)
  await client.query(
    "UPDATE carts SET status = 'expired' WHERE id IN (SELECT id FROM carts WHERE status = 'stale' LIMIT 100)",
  )
  await client.query("DELETE FROM login_attempts WHERE attempted_at < now() - interval '2 days'")
  await client.query(`SELECT pg_advisory_unlock(${lock})`)
  await client.end()
}

/** An object mapper that looks for a cache table which this installation lacks. */
const mapperProbe: Flow = async visit => {
  const client = await visit.open('api')
  await client.query('SELECT current_schema(), current_database(), version()')
  await client.expectError('42P01', 'SELECT 1 FROM "orm_cache" LIMIT 1')
  for (let left = visit.rng.int(1, 3); left > 0; left--) await showStock(visit, client)
  await client.end()
}

const healthCheck: Flow = async visit => {
  const client = await visit.open('monitor')
  await client.query('SELECT 1')
  await client.end()
}

const tcpProbe: Flow = visit => visit.rawConnection()

const monitorAgent: Flow = async visit => {
  const client = await visit.open('monitor')
  await client.query(
    'SELECT datname, numbackends, xact_commit, xact_rollback FROM pg_stat_database WHERE numbackends > 0',
  )
  await client.query('SELECT state, count(*) FROM pg_stat_activity GROUP BY state')
  await client.query(
    'SELECT checkpoints_timed, checkpoints_req, buffers_checkpoint, buffers_backend FROM pg_stat_bgwriter',
  )
  if (visit.rng.chance(0.4)) await client.query("SELECT pg_size_pretty(pg_database_size('shop'))")
  await client.end()
}

export const serviceFlows = {
  pooled,
  preparedApi,
  queueWorker,
  scheduler,
  mapperProbe,
  healthCheck,
  tcpProbe,
  monitorAgent,
}
