import type { Ledger } from './ledger.js'

/** Database roles and what each uses; their passwords are made up anew for each cluster. */
export const ROLES = {
  webshop: { database: 'shop', applicationName: 'webshop' },
  api: { database: 'shop', applicationName: 'api' },
  worker: { database: 'shop', applicationName: 'worker' },
  warehouse: { database: 'shop', applicationName: 'warehouse' },
  reporting: { database: 'shop', applicationName: 'reports' },
  batch: { database: 'shop', applicationName: 'batch' },
  migrator: { database: 'shop', applicationName: 'migrate' },
  support: { database: 'shop', applicationName: 'psql' },
  monitor: { database: 'postgres', applicationName: 'monitor' },
} as const

export type Role = keyof typeof ROLES

/** Product rows by who uses them, so that ordinary work never waits for a row that a fault holds. */
export const PRODUCTS = {
  web: [1, 400],
  warehouse: [401, 480],
  faults: [481, 520],
} as const

export const NUM_CUSTOMERS = 2000

/** What all recording clients share. */
export interface World {
  readonly port: number
  readonly socketDirectory: string
  readonly binaries: string
  /** Unprivileged user to run command-line clients as, when the recorder runs as root. */
  readonly identity: { uid: number; gid: number } | undefined
  readonly passwords: Readonly<Record<Role, string>>
  readonly ledger: Ledger
  /** Numbers handed out by the applications. */
  readonly counters: { invoice: number; customer: number; product: number; meeting: number }
  /** Work that never runs twice at a time, by name: the end of the last one. */
  readonly turns: Map<string, Promise<void>>
  /** Command-line clients running now; they are kept away from faults that hit whole periods. */
  readonly tools: { running: number; paused: boolean }
}
