import { forecast } from '../flows/backoffice.js'
import { beginTransfer, finishTransfer, lockForPicking, lockForRecount } from '../flows/warehouse.js'
import { sleep } from '../random.js'
import { type Flow, Interrupted } from '../visit.js'
import { PRODUCTS, type World } from '../world.js'

/** A product that only faults lock, another one each time. */
export function contestedProduct(world: World): number {
  const [first, last] = PRODUCTS.faults
  return first + (world.counters.meeting++ % (last - first))
}

/** Two transfers take the same two rows in opposite order; the later one is the server's victim. */
export const deadlock: Flow = async visit => {
  const row = contestedProduct(visit.world)
  const [first, second] = await Promise.all([visit.open('warehouse'), visit.open('warehouse')])
  await beginTransfer(first, row)
  await beginTransfer(second, row + 1)
  const statement = `UPDATE products SET stock = stock + 1 WHERE id = ${row}`
  await Promise.all([
    finishTransfer(first, row, row + 1).then(() => first.end()),
    sleep(600)
      .then(() => second.expectError('40P01', statement))
      .then(() => second.query('ROLLBACK TRANSACTION'))
      .then(() => second.end()),
  ])
}

/** A recount that hangs with its row locked until the server's limit for idle transactions ends it. */
export function hangingRecount(product: number): Flow {
  return async visit => {
    const client = await visit.open('warehouse')
    await lockForRecount(client, product)
    await client.waitForClose('25P03')
    throw new Interrupted()
  }
}

/** A picker that waits for the hanging recount until its own patience ends. */
export function timedOutPicking(product: number): Flow {
  return async visit => {
    const client = await visit.open('warehouse')
    await lockForPicking(client, product).catch(() => client.query('ROLLBACK TRANSACTION'))
    await client.end()
  }
}

/** A forecast over far too many days, which nobody cancels. */
export const endlessReport: Flow = async visit => {
  const client = await visit.open('reporting')
  await client.query(
    "SELECT date_trunc('month', placed_at) AS month, count(*) FROM orders GROUP BY month ORDER BY month",
  )
  await forecast(client, visit.rng.int(30000, 40000))
}
