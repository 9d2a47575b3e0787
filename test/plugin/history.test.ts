import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { sinceTime } from '../../plugin/cli/history.js'
import type { Database } from '../../plugin/history/database.js'
import { History } from '../../plugin/history/history.js'
import { findRows } from '../../plugin/history/history-store.js'
import { migrate } from '../../plugin/history/migrations.js'
import { openHistory, readHistory } from '../../plugin/history/open-history.js'
import type { HistoryOptions } from '../../plugin/history/options.js'
import { PgliteDatabase } from '../../plugin/history/pglite-database.js'
import { openPostgres } from '../../plugin/history/postgres-database.js'
import { Tally } from '../fixtures/forward-peer.js'
import { logneo, logneoEach } from '../fixtures/plugin/cli.js'
import { closed, DAY, flagged, NOW } from '../fixtures/plugin/history-events.js'
import { grammarLog, logLine, smallModel } from '../fixtures/plugin/small-model.js'
import { findPostgres, PostgresServer } from '../fixtures/services/postgres.js'
import { missing } from '../fixtures/services/program.js'

// The history's own timers keep no process alive.
const alive = setInterval(() => {}, 1000)
t.teardown(() => clearInterval(alive))

// Making the embedded database takes seconds: all tests share one.
const folder = await mkdtemp(join(tmpdir(), 'logneo-history-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))

/** What a process that was killed leaves in its folder. */
async function leaveSocketBehind(folder: string): Promise<void> {
  const path = JSON.stringify(join(folder, 'history.sock'))
  const program = `require('node:net').createServer().listen(${path}, () => console.log('up'))`
  const killed = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(killed.stdout, 'data')
  killed.kill('SIGKILL')
  await once(killed, 'exit')
}

const FAST: HistoryOptions = { flushMs: 5, retryMinMs: 5, retryMaxMs: 50, now: () => NOW }

interface Place {
  open(): Promise<Database>
  /** Empties the tables. */
  clear(): Promise<void>
}

/** What must hold for any database. */
async function suite(t: Test, { open, clear }: Place): Promise<void> {
  t.beforeEach(clear)

  const start = async (options: HistoryOptions = {}) => {
    const counters = new Tally()
    const warnings: string[] = []
    const history = new History(
      await open(),
      { ...FAST, warn: text => warnings.push(text), ...options },
      counters,
    )
    return { history, counters, warnings }
  }
  const find = async (query: Parameters<typeof findRows>[1]): Promise<Record<string, unknown>[]> => {
    const database = await open()
    const rows = await findRows(database, query)
    await database.close()
    return rows.map(row => JSON.parse(row))
  }

  await t.test('what was found is kept, once', async t => {
    const { history, counters } = await start()
    history.flagged(flagged('a1'))
    history.flagged(flagged('a1'))
    history.flagged(flagged('a2', { timeMs: 8e15, verdict: { status: 'scored', anomaly: true } }))
    history.closed(closed('c1', true))
    history.closed(closed('c2', false))
    await history.close()
    t.match(counters.counts, { history_rows_total: 4, history_repeated_rows_total: 1 })
    const [first, second, ...more] = await find({ kind: 'anomalies', limit: 10 })
    t.equal(more.length, 0)
    t.match(first, {
      id: 'a1',
      session: 's1',
      score: 3.5,
      reasons: ['next-key'],
      line: 'line with \ufffd, \ufffd and "quotes"; DROP TABLE logneo_anomalies; --',
      context: ['before'],
      verdict: { template: 'a <*>' },
    })
    t.equal(Date.parse(String(first?.time)), NOW)
    t.equal(Date.parse(String(second?.time)), NOW, 'a time that no calendar holds is the time of day')
    const sessions = await find({ kind: 'sessions', limit: 10 })
    t.match(sessions, [
      { id: 'c1', anomaly: true, events: 7, ended: null },
      { id: 'c2', anomaly: false },
    ])
  })

  await t.test('the latest are found, by session and time', async t => {
    let now = NOW
    const { history } = await start({ now: () => now, sessions: 'flagged', flushMs: 1 })
    for (let i = 0; i < 30; i++) {
      now = NOW + i * 1000
      const { verdict } = flagged('')
      history.flagged(flagged(`a${i}`, { verdict: { ...verdict, session: `s${i % 3}` } }))
    }
    history.closed(closed('c1', false))
    await history.close()
    const idsOf = (rows: readonly Record<string, unknown>[]) => rows.map(({ id }) => id)
    t.strictSame(idsOf(await find({ kind: 'anomalies', limit: 2 })), ['a28', 'a29'])
    t.strictSame(idsOf(await find({ kind: 'anomalies', session: 's1', limit: 2 })), ['a25', 'a28'])
    const since = new Date(NOW + 27_000).toISOString()
    t.strictSame(idsOf(await find({ kind: 'anomalies', since, limit: 9 })), ['a27', 'a28', 'a29'])
    t.strictSame(await find({ kind: 'sessions', limit: 9 }), [], 'flagged ones alone')
  })

  await t.test('old rows go to the archive, and nothing is archived without being taken out', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'logneo-archive-'))
    t.teardown(() => rm(folder, { recursive: true }))
    const { history: before } = await start({ now: () => NOW - 10 * DAY })
    for (let i = 0; i < 3; i++) before.flagged(flagged(`old${i}`))
    await before.close()
    const { history, counters } = await start({ retentionDays: 7, archive: folder })
    history.flagged(flagged('new'))
    await counters.reaches('history_expired_rows_total', 3)
    await counters.reaches('history_rows_total', 1)
    await history.close()
    const left = await find({ kind: 'anomalies', limit: 10 })
    t.strictSame(
      left.map(({ id }) => id),
      ['new'],
    )
    t.strictSame(await readdir(folder), ['anomalies-2024-05-01.ndjson.gz'])
    const path = join(folder, 'anomalies-2024-05-01.ndjson.gz')
    const archived = gunzipSync(await readFile(path))
      .toString()
      .trimEnd()
      .split('\n')
    t.strictSame(archived.map(row => JSON.parse(row).id).sort(), ['old0', 'old1', 'old2'])
    t.equal((await stat(path)).mode & 0o077, 0, 'for its owner alone')
  })

  await t.test('an archive that cannot be written keeps the rows', async t => {
    const { history: before } = await start({ now: () => NOW - 10 * DAY })
    before.flagged(flagged('old'))
    await before.close()
    const { history, counters, warnings } = await start({ retentionDays: 7, archive: '/dev/null/no' })
    await counters.reaches('history_failures_total', 1)
    await history.close()
    t.match(warnings, [/old rows stay/])
    t.equal((await find({ kind: 'anomalies', limit: 10 })).length, 1)
  })

  await t.test('migrations run once, also when several start together', async t => {
    const database = await open()
    await database.query('DROP TABLE logneo_anomalies, logneo_sessions, logneo_migrations')
    await Promise.all([migrate(database), migrate(database), migrate(database)])
    t.match(await database.query('SELECT version FROM logneo_migrations'), [{ version: 1 }])
    await database.query('INSERT INTO logneo_migrations VALUES (99, now())')
    await t.rejects(migrate(database), { code: 'ERR_HISTORY', retriable: false })
    await database.query('DELETE FROM logneo_migrations WHERE version = 99')
    await database.close()
  })
}

/** Open databases of one folder, as its process shares one. */
async function embedded(t: Test): Promise<Place> {
  const database = await PgliteDatabase.open(join(folder, 'database'))
  await migrate(database)
  t.teardown(() => database.close())
  const shared: Database = {
    name: database.name,
    query: database.query,
    transaction: work => database.transaction(work),
    close: async () => {},
  }
  return { open: async () => shared, clear: () => empty(shared) }
}

async function empty(database: Database): Promise<void> {
  await database.query('TRUNCATE logneo_anomalies, logneo_sessions')
}

t.test('embedded', async t => {
  await suite(t, await embedded(t))
})

const program = findPostgres()
t.test('PostgreSQL', { skip: program ? false : missing('postgres', 'LOGNEO_POSTGRES') }, async t => {
  const server = await PostgresServer.start(t, program!)
  const open = () => openPostgres({ url: server.url })
  const clear = async (): Promise<void> => {
    const database = await open()
    await migrate(database)
    await empty(database)
    await database.close()
  }
  await t.test('as embedded', t => suite(t, { open, clear }))

  await t.test('rows wait while the server is away, up to a bound, and nothing else does', async t => {
    await clear()
    const counters = new Tally()
    const warnings: string[] = []
    const options = { ...FAST, warn: (text: string) => warnings.push(text), maxQueueBytes: 20_000 }
    const history = new History(await open(), options, counters)
    history.flagged(flagged('before'))
    await counters.reaches('history_rows_total', 1)
    await server.stop()
    for (let i = 0; i < 100; i++) history.flagged(flagged(`away${i}`))
    t.ok(history.queuedBytes <= 20_000)
    const dropped = counters.of('history_dropped_rows_total')
    t.ok(dropped > 0 && dropped < 100, `${dropped} dropped`)
    await counters.reaches('history_failures_total', 2)
    await server.start()
    await counters.reaches('history_rows_total', 101 - dropped)
    await history.close()
    t.match(warnings, [/wait to be kept/, /works again/])
    t.notOk(warnings.join('').includes(server.password), 'the password is not told')
  })

  await t.test('a wrong password is told, closing gives up in time', async t => {
    const counters = new Tally()
    const warnings: string[] = []
    const url = server.url.replace(server.password, 'wrong')
    const options = { ...FAST, warn: (text: string) => warnings.push(text), closeTimeoutMs: 100 }
    const history = new History(await openPostgres({ url }), options, counters)
    history.flagged(flagged('a'))
    await counters.reaches('history_failures_total', 1)
    await history.close()
    t.match(warnings, [/password authentication failed/])
    t.equal(counters.of('history_dropped_rows_total'), 1)
  })
})

t.test('a folder is one process’s own, which others ask', async t => {
  const place = { kind: 'embedded', folder } as const
  await leaveSocketBehind(folder)
  const counters = new Tally()
  const history = await openHistory(place, FAST, counters)
  await t.rejects(openHistory(place, FAST, counters), { code: 'ERR_HISTORY', message: /another process/ })
  const { verdict } = flagged('')
  history.flagged(flagged('shared', { verdict: { ...verdict, session: 'shared' } }))
  await counters.reaches('history_rows_total', 1)
  const query = { kind: 'anomalies', session: 'shared', limit: 10 } as const
  t.equal((await readHistory(place, query)).length, 1, 'while it is written')
  await t.rejects(readHistory(place, { ...query, since: 'long ago' }), { code: 'ERR_HISTORY' })
  await history.close()
  t.equal((await readHistory(place, query)).length, 1, 'afterwards')
  t.equal((await readHistory({ kind: 'embedded', folder: join(folder, 'none') }, query)).length, 0)
})

t.test('run keeps what it finds, history tells it', async t => {
  const work = await mkdtemp(join(tmpdir(), 'logneo-run-'))
  t.teardown(() => rm(work, { recursive: true, force: true }))
  const odd = ['open', 'explode', 'close'].map((kind, i) => logLine(1e12 + i, 'odd', kind, i))
  await writeFile(join(work, 'app.log'), [...grammarLog(7, 30), ...odd].map(line => `${line}\n`).join(''))
  const config = join(work, 'a.logneo.yaml')
  await writeFile(
    config,
    `model: {path: ${await smallModel()}}
input: {files: {paths: [app.log], tag: raw.a}}
detect: {false_alarm_rate: 0.02}
output: {ndjson: {path: out.ndjson}}
persist: {embedded: {path: ${folder}}}
`,
  )
  t.match(await logneo(['run', '--config', config]), { code: 0 })
  const HISTORY = ['history', '--config', config]
  const [json, people, sessions, wrong] = await logneoEach([
    [...HISTORY, '--session', 'odd', '--json'],
    [...HISTORY, '--session', 'odd'],
    [...HISTORY, '--session', 'odd', '--sessions'],
    [...HISTORY, '--since', 'yore'],
  ])
  const rows = json!.stdout
    .trimEnd()
    .split('\n')
    .map(row => JSON.parse(row))
  t.match(
    rows.find(({ line }) => line.includes('explode')),
    { session: 'odd', tag: 'raw.a', line: /explode/, context: [/ open /] },
  )
  t.match(people!.stdout, /score [\d.]+ {2}session odd {2}\(.*\n.*\n {4}.* open .*\n {2}> .*explode/)
  t.match(sessions!.stdout, /3 lines, \d flagged, closed: end/)
  t.match(wrong, { code: 2, stderr: /--since must be/ })
})

t.test('times that --since takes', async t => {
  t.equal(sinceTime('90m', NOW), '2024-05-01T10:30:00.000Z')
  t.equal(sinceTime('7d', NOW), '2024-04-24T12:00:00.000Z')
  t.equal(sinceTime('2024-01-01T00:00:00Z', NOW), '2024-01-01T00:00:00.000Z')
  for (const wrong of ['', '7', 'd', '1e999d']) t.throws(() => sinceTime(wrong, NOW), /--since/)
})
