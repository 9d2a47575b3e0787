import type { Client } from '../client.js'
import type { Flow, Visit } from '../visit.js'
import { PRODUCTS } from '../world.js'

/** Rows for short transactions; the rest of PRODUCTS.warehouse is for sessions that meet on purpose. */
const [FIRST, LAST] = PRODUCTS.warehouse
const SHARED_LAST = FIRST + 39

/** A row that no other pair of sessions uses at this time. */
function meetingRow({ world }: Visit): number {
  return SHARED_LAST + 1 + (world.counters.meeting++ % (LAST - SHARED_LAST))
}

export async function lockForRecount(client: Client, product: number): Promise<void> {
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED')
  await client.query(
    `SELECT id, sku, stock FROM products WHERE id BETWEEN ${product} AND ${product} FOR UPDATE`,
  )
}

export async function finishRecount(client: Client, product: number, stock: number): Promise<void> {
  await client.query(`UPDATE products SET stock = ${stock} WHERE products.id = ${product}`)
  await client.query(
    `INSERT INTO stock_movements (product_id, delta, reason, moved_at) VALUES (${product}, 0, 'recount', now())`,
  )
  await client.query('COMMIT')
}

const recount: Flow = async visit => {
  const client = await visit.open('warehouse')
  for (let left = visit.rng.int(1, 3); left > 0; left--) {
    const product = visit.rng.int(FIRST, SHARED_LAST)
    await lockForRecount(client, product)
    await finishRecount(client, product, visit.rng.int(900000, 1100000))
  }
  await client.end()
}

export async function lockForPicking(client: Client, product: number): Promise<void> {
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED')
  await client.query(pickStatement(product))
}

function pickStatement(product: number, suffix = ''): string {
  return `SELECT stock FROM products AS shelf WHERE shelf.id = ${product} FOR UPDATE${suffix}`
}

async function finishPicking(visit: Visit, client: Client, product: number): Promise<void> {
  const quantity = visit.rng.int(1, 9)
  await client.query(
    `UPDATE products SET stock = stock - ${quantity} WHERE products.id = ${product} RETURNING stock`,
  )
  await client.query('COMMIT')
}

const picking: Flow = async visit => {
  const client = await visit.open('warehouse')
  for (let left = visit.rng.int(1, 3); left > 0; left--) {
    const product = visit.rng.int(FIRST, SHARED_LAST)
    await lockForPicking(client, product)
    await finishPicking(visit, client, product)
  }
  await client.end()
}

/** A picker waits for a slow recount of the same shelf; both finish. */
const pickingAfterRecount: Flow = async visit => {
  const product = meetingRow(visit)
  const [counter, picker] = await Promise.all([visit.open('warehouse'), visit.open('warehouse')])
  await lockForRecount(counter, product)
  const picked = lockForPicking(picker, product).then(() => finishPicking(visit, picker, product))
  const counted = visit
    .pause(850, 1050)
    .then(() => finishRecount(counter, product, visit.rng.int(900000, 1100000)))
  await Promise.all([picked, counted.then(() => counter.end())])
  await picker.end()
}

/** A picker that will not wait tries again when the recount is done. */
const pickingWithoutWaiting: Flow = async visit => {
  const product = meetingRow(visit)
  const [counter, picker] = await Promise.all([visit.open('warehouse'), visit.open('warehouse')])
  await lockForRecount(counter, product)
  await picker.query('BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED')
  await picker.expectError('55P03', pickStatement(product, ' NOWAIT'))
  await picker.query('ROLLBACK TRANSACTION')
  await finishRecount(counter, product, visit.rng.int(900000, 1100000))
  await counter.end()
  await picker.query('BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED')
  await picker.query(pickStatement(product, ' NOWAIT'))
  await finishPicking(visit, picker, product)
  await picker.end()
}

export async function beginTransfer(client: Client, from: number): Promise<void> {
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED')
  await client.query(`UPDATE products SET stock = stock - 1 WHERE id = ${from}`)
}

export async function finishTransfer(client: Client, from: number, to: number): Promise<void> {
  await client.query(`UPDATE products SET stock = stock + 1 WHERE id = ${to}`)
  await client.query(
    `INSERT INTO stock_movements (product_id, delta, reason, moved_at) VALUES (${from}, -1, 'transfer', now()), (${to}, 1, 'transfer', now())`,
  )
  await client.query('COMMIT')
}

const transfer: Flow = async visit => {
  const client = await visit.open('warehouse')
  const from = visit.rng.int(FIRST, SHARED_LAST - 1)
  await beginTransfer(client, from)
  await finishTransfer(client, from, visit.rng.int(from + 1, SHARED_LAST))
  await client.end()
}

async function readForAdjusting(client: Client, product: number): Promise<void> {
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE')
  await client.query(`SELECT stock, price, stock * price AS value FROM products WHERE id = ${product}`)
}

function adjustment(product: number): string {
  return `UPDATE products SET price = price * 1.01, stock = stock - 1 WHERE id = ${product}`
}

/** Two adjustments read the same row; the later one must start over. */
const adjustingTwice: Flow = async visit => {
  const product = meetingRow(visit)
  const [first, second] = await Promise.all([visit.open('warehouse'), visit.open('warehouse')])
  await readForAdjusting(first, product)
  await readForAdjusting(second, product)
  await first.query(adjustment(product))
  await first.query('COMMIT')
  await second.expectError('40001', adjustment(product))
  await second.query('ROLLBACK TRANSACTION')
  await readForAdjusting(second, product)
  await second.query(adjustment(product))
  await second.query('COMMIT')
  await Promise.all([first.end(), second.end()])
}

export const warehouseFlows = {
  recount,
  picking,
  pickingAfterRecount,
  pickingWithoutWaiting,
  transfer,
  adjustingTwice,
}
