import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { sleep } from '../random.js'
import type { Flow, Visit } from '../visit.js'

/** Runs one of PostgreSQL's own clients over the Unix socket, once no fault keeps such clients away. */
async function runTool(
  { world }: Visit,
  name: string,
  user: string,
  flags: readonly string[],
): Promise<void> {
  while (world.tools.paused) await sleep(50)
  world.tools.running++
  try {
    const connection = ['-h', world.socketDirectory, '-p', String(world.port), '-U', user]
    const options = { ...world.identity, cwd: '/', stdio: 'ignore' } as const
    const tool = spawn(join(world.binaries, name), [...connection, ...flags], options)
    await new Promise((resolve, reject) => tool.once('error', reject).once('exit', resolve))
  } finally {
    world.tools.running--
  }
}

const pgbench: Flow = async visit => {
  const { rng } = visit
  const script = rng.pick(['tpcb-like', 'simple-update', 'select-only'])
  const protocol = rng.pick(['simple', 'simple', 'extended', 'prepared'])
  const clients = String(rng.int(1, 2))
  const transactions = String(rng.int(1, 3))
  const flags = [
    '-n',
    '-b',
    script,
    '-M',
    protocol,
    '-c',
    clients,
    '-t',
    transactions,
    '--random-seed',
    String(rng.int(1, 1e6)),
  ]
  await runTool(visit, 'pgbench', 'bench', [...flags, 'bench'])
}

const MISTYPED = [
  'SELCT id, status FROM orders LIMIT 5',
  'SELECT stat FROM orders LIMIT 5',
  'SELECT id, status FROM order LIMIT 5',
  'SELECT id, email FROM custmers LIMIT 5',
]

/** A member of support looks something up in psql, with the odd slip of the fingers. */
const psql: Flow = async visit => {
  const { rng } = visit
  const customer = rng.int(1, 2000)
  const typed = [
    `SELECT id, email, last_login, visits FROM customers WHERE email LIKE 'user${customer}%' LIMIT 10`,
    `SELECT o.id, o.status, o.total, o.placed_at FROM orders o WHERE o.customer_id = ${customer} ORDER BY o.id DESC LIMIT 10`,
    `SELECT number, issued_on FROM invoices WHERE order_id = ${rng.int(8000, 9000)}`,
  ].slice(0, rng.int(2, 3))
  if (rng.chance(0.4)) typed.splice(1, 0, rng.pick(MISTYPED))
  await runTool(visit, 'psql', 'support', ['-X', '-q', '-d', 'shop', ...typed.flatMap(sql => ['-c', sql])])
}

/** Somebody leaves psql open until the server's limit for idle sessions ends it. */
const forgottenPsql: Flow = async visit => {
  const client = await visit.open('support')
  for (let left = visit.rng.int(1, 2); left > 0; left--)
    await client.query(
      `SELECT count(*), min(placed_at) FROM orders WHERE status = '${visit.rng.pick(['paid', 'new'])}'`,
    )
  await client.waitForClose('57P05')
}

const mistypedDatabase: Flow = async visit => {
  await visit.open('support', { database: visit.rng.pick(['shpo', 'sohp', 'shop_old']), refusal: '3D000' })
}

export const toolFlows = { pgbench, psql, forgottenPsql, mistypedDatabase }
