import type { Client } from '../client.js'
import type { Flow, Visit } from '../visit.js'
import { NUM_CUSTOMERS, PRODUCTS } from '../world.js'

/** What a faulty release of the shop does differently; the statements stay the same. */
export interface OrderDefects {
  /** Leaves one step of the order out. */
  readonly skip?: 'stock' | 'payment' | 'items'
  /** Takes the payment this many times. */
  readonly payments?: number
  /** Settles the order before its items are written, or invoices before the payment. */
  readonly order?: 'settle-first' | 'invoice-first'
  /** Ends the connection before COMMIT. */
  readonly withoutCommit?: boolean
  /** Tries this many invoice numbers that are taken. */
  readonly staleInvoices?: number
}

interface Item {
  readonly product: number
  readonly quantity: number
}

function randomItem(visit: Visit): Item {
  return { product: visit.product(), quantity: visit.rng.int(1, 4) }
}

/** Looks a customer up as the log-in form does. */
export async function lookUp(client: Client, email: string): Promise<void> {
  await client.execute('SELECT id, full_name, password_hash FROM customers WHERE email = $1', email)
}

export async function logIn(visit: Visit, client: Client): Promise<number> {
  const customer = visit.rng.int(1, NUM_CUSTOMERS)
  await lookUp(client, `user${customer}@example.com`)
  await client.execute('UPDATE customers SET last_login = now(), visits = visits + 1 WHERE id = $1', customer)
  return customer
}

async function browse(visit: Visit, client: Client, most = 4): Promise<void> {
  for (let left = visit.rng.int(1, most); left > 0; left--) {
    const product = visit.rng.int(...PRODUCTS.web)
    await showProduct(client, product)
    if (visit.rng.chance(0.4))
      await client.query(
        `SELECT r.rating, r.body FROM reviews r WHERE r.product_id = ${product} ORDER BY r.written_at DESC LIMIT 5`,
      )
  }
}

export async function showProduct(client: Client, product: number): Promise<void> {
  await client.execute(
    'SELECT sku, title, price, stock > 0 AS available FROM products WHERE id = $1',
    product,
  )
}

async function fillCart(
  visit: Visit,
  client: Client,
  customer: number,
): Promise<{ cart: string; items: Item[] }> {
  const sql = "INSERT INTO carts (customer_id, status) VALUES ($1, 'open') RETURNING id"
  const [[cart = ''] = []] = await client.execute(sql, customer)
  const items = Array.from({ length: visit.rng.int(1, 3) }, () => randomItem(visit))
  for (const { product, quantity } of items)
    await client.execute(
      'INSERT INTO cart_items (cart_id, product_id, quantity, unit_price) SELECT $1, id, $2, price FROM products WHERE id = $3',
      cart,
      quantity,
      product,
    )
  return { cart, items: items.sort((a, b) => a.product - b.product) }
}

async function writeItems(
  client: Client,
  order: string,
  items: readonly Item[],
  defects: OrderDefects,
): Promise<void> {
  for (const { product, quantity } of items) {
    if (defects.skip !== 'items')
      await client.query(
        `INSERT INTO order_items SELECT ${order}, p.id, ${quantity}, p.price FROM products p WHERE p.id = ${product}`,
      )
    if (defects.skip !== 'stock')
      await client.query(
        `UPDATE products SET stock = stock - ${quantity} WHERE id = ${product} AND stock >= ${quantity}`,
      )
  }
}

async function settle(client: Client, order: string, total: number): Promise<void> {
  await client.query(
    `UPDATE orders SET status = 'paid', total = ${total} WHERE orders.id = ${order} AND status = 'new'`,
  )
}

/** Takes the payment inside a savepoint; false when the bank's limit declines it. */
async function pay(client: Client, order: string, method: string, total: number): Promise<boolean> {
  const sql = `INSERT INTO payments (order_id, method, amount, captured_at) VALUES (${order}, '${method}', ${total}, clock_timestamp())`
  await client.query('SAVEPOINT payment')
  if (total < 5000) {
    await client.query(sql)
    await client.query('RELEASE SAVEPOINT payment')
    return true
  }
  await client.expectError('23514', sql)
  await client.query('ROLLBACK TO SAVEPOINT payment')
  return false
}

/** Issues the invoice; `stale` numbers taken by others fail first and are tried anew. */
async function invoice(visit: Visit, client: Client, order: string, stale: number): Promise<void> {
  const insert = (number: number) =>
    `INSERT INTO invoices (number, order_id, issued_on) VALUES (${number}, ${order}, current_date) RETURNING number, issued_on`
  for (let left = stale; left > 0; left--) {
    await client.query('SAVEPOINT numbering')
    await client.expectError('23505', insert(visit.rng.int(1, 50)))
    await client.query('ROLLBACK TO SAVEPOINT numbering')
  }
  await client.query('SAVEPOINT numbering')
  await client.query(insert(visit.world.counters.invoice++))
}

/** From log-in to the paid order, with the defects of a faulty release if any. */
export function orderFlow(defects: OrderDefects = {}): Flow {
  return async visit => {
    const { rng } = visit
    const client = await visit.open('webshop')
    const customer = await logIn(visit, client)
    await browse(visit, client)
    const { cart, items } = await fillCart(visit, client, customer)
    const isDeclined = Object.keys(defects).length === 0 && rng.chance(0.06)
    const total = rng.int(1000, 20000) / 100 + (isDeclined ? 5000 : 0)
    const stale = defects.staleInvoices ?? (rng.chance(0.07) ? 1 : 0)
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED')
    const [[order = ''] = []] = await client.query(
      `INSERT INTO orders (customer_id, cart_id, status, placed_at) VALUES (${customer}, ${cart}, 'new', now()) RETURNING id`,
    )
    if (defects.order === 'settle-first') await settle(client, order, total)
    await writeItems(client, order, items, defects)
    if (defects.order === 'invoice-first') await invoice(visit, client, order, stale)
    if (defects.skip !== 'payment')
      for (let left = defects.payments ?? 1; left > 0; left--)
        if (!(await pay(client, order, rng.pick(['card', 'transfer', 'wallet']), total)))
          return decline(client, order)
    if (defects.order !== 'settle-first') await settle(client, order, total)
    if (defects.order !== 'invoice-first') await invoice(visit, client, order, stale)
    if (defects.withoutCommit) return client.end()
    await client.query('COMMIT')
    await client.execute(
      "UPDATE carts SET status = 'ordered' WHERE carts.id = $1 AND carts.status = 'open'",
      cart,
    )
    await client.query(`NOTIFY order_paid, '${order}'`)
    await client.end()
  }
}

async function decline(client: Client, order: string): Promise<void> {
  await client.query(`UPDATE orders SET status = 'declined' WHERE orders.id = ${order}`)
  await client.query('COMMIT')
  await client.end()
}

const browsing: Flow = async visit => {
  const client = await visit.open('webshop')
  await logIn(visit, client)
  await browse(visit, client, 6)
  await client.end()
}

const account: Flow = async visit => {
  const client = await visit.open('webshop')
  const customer = await logIn(visit, client)
  const orders = await client.execute(
    'SELECT id, status, total, placed_at FROM orders WHERE customer_id = $1 ORDER BY placed_at DESC LIMIT 3',
    customer,
  )
  for (const [order] of orders.slice(0, visit.rng.int(1, 2)))
    await client.query(
      `SELECT i.quantity, i.unit_price, p.title FROM order_items i JOIN products p ON p.id = i.product_id WHERE i.order_id = ${order}`,
    )
  if (visit.rng.chance(0.3))
    await client.execute(
      'UPDATE customers SET full_name = $2 WHERE id = $1',
      customer,
      `Customer ${customer}`,
    )
  await client.end()
}

const failedLogin: Flow = async visit => {
  const client = await visit.open('webshop')
  const email = `user${visit.rng.int(1, NUM_CUSTOMERS)}@example.com`
  for (let left = visit.rng.int(1, 3); left > 0; left--) {
    await lookUp(client, email)
    await client.execute(
      'INSERT INTO login_attempts (email, succeeded, attempted_at) VALUES ($1, false, now())',
      email,
    )
  }
  await client.end()
}

const registration: Flow = async visit => {
  const { rng } = visit
  const client = await visit.open('webshop')
  const insert = (email: string) =>
    `INSERT INTO customers (email, full_name, password_hash) VALUES ('${email}', 'Customer', '${rng.hex(32)}') RETURNING id`
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED')
  if (rng.chance(0.2)) {
    await client.expectError('23505', insert(`user${rng.int(1, NUM_CUSTOMERS)}@example.com`))
    await client.query('ROLLBACK TRANSACTION')
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED')
  }
  await client.query(insert(`new${visit.world.counters.customer++}@example.com`))
  await client.query('COMMIT')
  await browse(visit, client)
  await client.end()
}

export const webshopFlows = { browsing, order: orderFlow(), account, failedLogin, registration }
