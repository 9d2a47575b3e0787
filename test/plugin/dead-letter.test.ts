import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DeadLetterFile } from '../../plugin/dead-letter.js'
import { ConfigError } from '../../plugin/errors.js'
import { Tally } from '../fixtures/forward-peer.js'

const lines = (path: string): unknown[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as unknown)

t.test('letters are lines of JSON with the beginning of the bytes', async t => {
  const path = join(t.testdir(), 'made', 'dead.ndjson')
  const counters = new Tally()
  const file = new DeadLetterFile({ path, maxLetterBytes: 4, now: () => 0 }, counters)
  await Promise.all([
    file.write('forward a', 'not gzip\nat all', Buffer.from([0, 255, 1, 254, 9])),
    file.write('forward b', 'empty', Buffer.alloc(0)),
  ])
  const time = '1970-01-01T00:00:00.000Z'
  t.strictSame(lines(path), [
    { time, source: 'forward a', reason: 'not gzip\nat all', bytes: 5, data: 'AP8B/g==' },
    { time, source: 'forward b', reason: 'empty', bytes: 0, data: '' },
  ])
  t.equal(counters.of('dead_letters_total'), 2)
})

t.test('the file is bounded: a full one becomes the old one, also across restarts', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  for (let i = 0; i < 60; i++) {
    const file = new DeadLetterFile({ path, maxBytes: 1024 })
    await file.write('s', `${i}`, Buffer.alloc(100))
    t.ok(statSync(path).size <= 1024)
  }
  const kept = [...lines(`${path}.1`), ...lines(path)].map(line =>
    Number((line as { reason: string }).reason),
  )
  t.equal(kept.at(-1), 59)
  t.strictSame(
    kept,
    Array.from({ length: kept.length }, (_, i) => 60 - kept.length + i),
  )
  t.ok(statSync(`${path}.1`).size <= 1024)
})

t.test('what cannot be written is counted, not thrown, and writing goes on', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  mkdirSync(path)
  const counters = new Tally()
  await new DeadLetterFile({ path }, counters).write('s', 'r', Buffer.alloc(1))
  t.equal(counters.of('dead_letter_errors_total'), 1)
  const folder = join(t.testdir(), 'later')
  const file = new DeadLetterFile({ path: join(folder, 'dead.ndjson') }, counters)
  await file.write('s', 'first', Buffer.alloc(1))
  rmSync(folder, { recursive: true })
  await file.write('s', 'lost with its folder', Buffer.alloc(1))
  await file.write('s', 'again', Buffer.alloc(1))
  t.equal(counters.of('dead_letter_errors_total'), 2)
  t.match(lines(join(folder, 'dead.ndjson')), [{ reason: 'again' }])
})

t.test('a flood of letters is bounded in memory', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  const counters = new Tally()
  const file = new DeadLetterFile({ path, maxPendingBytes: 1000 }, counters)
  await Promise.all(Array.from({ length: 50 }, () => file.write('s', 'r', Buffer.alloc(100))))
  t.equal(counters.of('dead_letters_total') + counters.of('dead_letters_dropped_total'), 50)
  t.ok(counters.of('dead_letters_total') < 6)
  await file.write('s', 'after the flood', Buffer.alloc(100))
  t.match(lines(path).at(-1), { reason: 'after the flood' })
})

t.test('wrong options are named', async t => {
  t.throws(() => new DeadLetterFile({ path: 3 as unknown as string, maxBytes: 1 }), ConfigError)
})
