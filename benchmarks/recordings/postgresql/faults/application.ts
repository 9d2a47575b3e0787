import { logIn, lookUp, type OrderDefects, orderFlow, showProduct } from '../flows/webshop.js'
import type { Random } from '../random.js'
import type { Flow } from '../visit.js'
import { PRODUCTS } from '../world.js'

export interface FaultyFlow {
  readonly fault: string
  readonly flow: Flow
}

/** Asks for the same thing over and over: the customer again, or one product after another. */
const runaway: Flow = async visit => {
  const client = await visit.open('webshop', { think: [1, 12] })
  const isStuckOnCustomer = visit.rng.chance(0.5)
  if (!isStuckOnCustomer) await logIn(visit, client)
  for (let left = visit.rng.int(50, 110); left > 0; left--) {
    if (isStuckOnCustomer) await lookUp(client, 'user77@example.com')
    else await showProduct(client, visit.rng.int(...PRODUCTS.web))
  }
  await client.end()
}

const DEFECTS: Readonly<Record<string, (rng: Random) => OrderDefects>> = {
  'skipped-step': rng => ({ skip: rng.pick(['stock', 'payment', 'items'] as const) }),
  'duplicate-step': rng => ({ payments: rng.int(2, 3) }),
  'wrong-order': rng => ({ order: rng.pick(['settle-first', 'invoice-first'] as const) }),
  'missing-commit': () => ({ withoutCommit: true }),
  'retry-storm': rng => ({ staleInvoices: rng.int(8, 25) }),
}

/** Work done by a faulty release of the application. */
export function applicationFault(fault: string, rng: Random): FaultyFlow {
  if (fault === 'runaway-client') return { fault, flow: runaway }
  const defects = DEFECTS[fault]
  if (!defects) throw new RangeError(`no application fault is called ${fault}`)
  return { fault, flow: orderFlow(defects(rng)) }
}
