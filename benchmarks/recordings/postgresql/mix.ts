import { backofficeFlows } from './flows/backoffice.js'
import { serviceFlows } from './flows/services.js'
import { toolFlows } from './flows/tools.js'
import { warehouseFlows } from './flows/warehouse.js'
import { webshopFlows } from './flows/webshop.js'
import type { Random } from './random.js'
import type { Flow } from './visit.js'

export interface PlannedVisit {
  /** Milliseconds after the start of its part. */
  readonly at: number
  readonly flow: string
  readonly rng: Random
}

/** Relative frequency of each kind of ordinary work; some kinds open two or three sessions. */
const WEIGHTS: Readonly<Record<string, number>> = {
  browsing: 13,
  order: 22,
  account: 8,
  failedLogin: 3,
  registration: 5,
  pooled: 6,
  preparedApi: 6,
  queueWorker: 5,
  scheduler: 3,
  mapperProbe: 2,
  healthCheck: 7,
  tcpProbe: 3,
  monitorAgent: 4,
  dailyReport: 3,
  cursorReport: 3,
  ratioReport: 2.5,
  cancelledReport: 2,
  archiveReport: 2,
  import: 1.5,
  export: 2,
  closeOfDay: 1.5,
  migration: 1.2,
  recount: 3,
  picking: 4,
  pickingAfterRecount: 1.2,
  pickingWithoutWaiting: 1.2,
  transfer: 4,
  adjustingTwice: 1.2,
  pgbench: 3,
  psql: 2.5,
  forgottenPsql: 1.2,
  mistypedDatabase: 1,
}

/** All ordinary work by name. */
export const FLOWS: Readonly<Record<string, Flow>> = {
  ...webshopFlows,
  ...serviceFlows,
  ...backofficeFlows,
  ...warehouseFlows,
  ...toolFlows,
}

/**
 * Plans `count` visits over `duration` milliseconds. Arrivals are random with a slow wave of load; `drift` in [0, 1]
 * moves weight from browsing to orders, as a sale does.
 */
export function planVisits(rng: Random, count: number, duration: number, drift: number): PlannedVisit[] {
  const weights = Object.entries(WEIGHTS).map(([flow, weight]) => {
    if (flow === 'order') return { flow, weight: weight * (1 + 0.2 * drift) }
    if (flow === 'browsing') return { flow, weight: weight * (1 - 0.2 * drift) }
    return { flow, weight }
  })
  const visits: PlannedVisit[] = []
  while (visits.length < count) {
    const at = rng.next() * duration
    if (rng.next() > 0.75 + 0.25 * Math.sin((at / 90_000) * 2 * Math.PI)) continue
    visits.push({ at, flow: rng.weighted(weights).flow, rng: rng.fork() })
  }
  return visits.sort((a, b) => a.at - b.at)
}
