import { writeFileSync } from 'node:fs'
import { appendFile, copyFile, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { FollowInput } from '../../plugin/input/follow/follow.js'
import type { FollowOptions } from '../../plugin/input/follow/options.js'
import { look, Tally } from '../fixtures/forward-peer.js'

/** Numbered lines, each longer than a few bytes so that positions differ. */
const lines = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i} of a log that is followed`)

const text = (from: number, to: number): string =>
  lines(from, to)
    .map(line => `${line}\n`)
    .join('')

/** Runs of an input over the same files, each to be stopped before the next. */
class Subject {
  readonly counters = new Tally()
  readonly warnings: string[] = []
  readonly seen: string[] = []
  readonly chunkIds: (string | undefined)[] = []
  /** What becomes of a chunk. */
  onChunk: (lines: readonly string[]) => Promise<void> = async () => {}
  readonly path: string
  readonly positions: string
  #input: FollowInput | undefined
  #changed = (): void => {}

  constructor(readonly folder: string) {
    this.path = join(folder, 'app.log')
    this.positions = join(folder, 'state', 'positions.json')
  }

  static make(t: Test): Subject {
    const subject = new Subject(t.testdir())
    t.teardown(() => subject.stop())
    return subject
  }

  async start(options: Partial<FollowOptions> = {}): Promise<void> {
    this.#input = new FollowInput(
      {
        paths: [this.path],
        tag: 'raw.app',
        positions: this.positions,
        pollMs: 5,
        rotateWaitMs: 30,
        retryMinMs: 5,
        closeTimeoutMs: 200,
        warn: message => this.warnings.push(message),
        ...options,
      },
      async chunk => {
        const found = look(chunk).records.map(record => (record as { message: string }).message)
        this.chunkIds.push(chunk.chunkId)
        await this.onChunk(found)
        this.seen.push(...found)
        this.#changed()
      },
      this.counters,
    )
    await this.#input.start()
  }

  async stop(): Promise<void> {
    await this.#input?.close()
    this.#input = undefined
  }

  async sees(count: number): Promise<void> {
    while (this.seen.length < count) {
      await new Promise<void>(resolve => {
        this.#changed = resolve
      })
    }
  }

  at(name: string): string {
    return join(this.folder, name)
  }
}

t.test('a file is followed as it grows, before it is there and across a restart', async t => {
  const subject = Subject.make(t)
  await subject.start()
  await writeFile(subject.path, text(0, 3))
  await subject.sees(3)
  await appendFile(subject.path, 'line 3 of a log ')
  await appendFile(subject.path, 'that is followed\r\n')
  await subject.sees(4)
  await appendFile(subject.path, 'line 4 of a')
  await subject.stop()
  await appendFile(subject.path, ' log that is followed\nline 5 of a log that is followed\n')
  await subject.start()
  await subject.sees(6)
  t.strictSame(subject.seen, lines(0, 6))
  t.strictSame(subject.warnings, [])
})

t.test('records name their file', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, 'x\n')
  const records: unknown[] = []
  const input = new FollowInput(
    { paths: [subject.path], tag: 'raw.app', positions: subject.positions, now: () => 1_700_000_000_000 },
    async chunk => {
      const { tag, records: found, times } = look(chunk)
      records.push([tag, found, times])
    },
    subject.counters,
  )
  await input.start()
  await subject.counters.reaches('follow_lines_total', 1)
  await input.close()
  t.strictSame(records, [['raw.app', [{ message: 'x', file: subject.path }], [1_700_000_000_000]]])
})

t.test('a renamed file is read to its end, then the new one', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 5))
  await subject.start()
  await subject.sees(5)
  await rename(subject.path, subject.at('app.log.1'))
  // The program has not noticed yet.
  await appendFile(subject.at('app.log.1'), text(5, 8))
  await writeFile(subject.path, text(10, 12))
  await appendFile(
    subject.at('app.log.1'),
    'line 8 of a log that is followed\nline 9 of a log that is followed',
  )
  await subject.sees(12)
  t.strictSame(subject.seen, lines(0, 12))
  t.equal(subject.counters.of('follow_rotations_total'), 1)
})

t.test('a copied and truncated file: what was not read yet comes from the copy', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 100))
  await subject.start({ pollMs: 50 })
  await subject.sees(100)
  await appendFile(subject.path, text(100, 110))
  await copyFile(subject.path, subject.at('app.log.1'))
  await truncate(subject.path)
  await appendFile(subject.path, text(110, 115))
  await subject.sees(115)
  await appendFile(subject.path, text(115, 118))
  await subject.sees(118)
  t.strictSame(subject.seen, lines(0, 118))
  t.equal(subject.counters.of('follow_truncations_total'), 1)
  t.strictSame(subject.warnings, [])
})

t.test('a truncated file that grew past the place is seen to be another', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 5))
  await subject.start({ pollMs: 50 })
  await subject.sees(5)
  await writeFile(subject.path, text(100, 150))
  await subject.sees(55)
  t.strictSame(subject.seen, [...lines(0, 5), ...lines(100, 150)])
  t.match(subject.warnings, [/is gone or was written anew/])
})

t.test('rotations while nobody looked: renamed twice, compressed, copied', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 60))
  await subject.start()
  await subject.sees(60)
  await subject.stop()
  // Read in part, rotated and compressed; then one that was never seen; then the new one.
  await writeFile(subject.at('app.log.3.gz'), gzipSync(text(1000, 1001)))
  await tick()
  await writeFile(subject.at('app.log.2.gz'), gzipSync(text(0, 70)))
  await tick()
  await writeFile(subject.at('app.log-20240501'), text(70, 80))
  await writeFile(subject.at('app.log.bak'), text(2000, 2001))
  await writeFile(subject.at('app2.log'), text(3000, 3001))
  await rm(subject.path)
  await writeFile(subject.path, text(80, 90))
  await subject.start()
  await subject.sees(90)
  await subject.stop()
  t.strictSame(subject.seen, lines(0, 90))
  t.strictSame(subject.warnings, [])
  await copyFile(subject.path, subject.at('app.log-20240502'))
  await appendFile(subject.at('app.log-20240502'), text(90, 95))
  await truncate(subject.path)
  await appendFile(subject.path, text(95, 97))
  await subject.start()
  await subject.sees(97)
  t.strictSame(subject.seen, lines(0, 97))
})

/** Long enough for the file system to give the next file another time. */
const tick = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 15))

t.test('what is gone is told once, and reading goes on', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 5))
  await subject.start()
  await subject.sees(5)
  await subject.stop()
  await rm(subject.path)
  await subject.start()
  await new Promise(resolve => setTimeout(resolve, 50))
  await writeFile(subject.path, text(5, 7))
  await subject.sees(7)
  t.strictSame(subject.seen, lines(0, 7))
  t.equal(subject.warnings.length, 1)
  t.equal(subject.counters.of('follow_lost_total'), 1)
})

t.test('another file that begins the same is another file', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 3))
  await subject.start()
  await subject.sees(3)
  await subject.stop()
  await writeFile(subject.at('new'), text(0, 5))
  await rename(subject.at('new'), subject.path)
  await subject.start()
  await subject.sees(8)
  t.strictSame(subject.seen.slice(3), lines(0, 5))
})

t.test('a deleted file is read on, and its successor after it', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 2))
  await subject.start()
  await subject.sees(2)
  await rm(subject.path)
  await new Promise(resolve => setTimeout(resolve, 20))
  await writeFile(subject.path, text(2, 4))
  await subject.sees(4)
  t.strictSame(subject.seen, lines(0, 4))
})

t.test('a position counts only when all before it is delivered', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 30))
  let isFirst = true
  subject.onChunk = async found => {
    // The first chunk is held up until the run ends, the others pass.
    if (found.includes(lines(0, 1)[0]!) && isFirst) throw new Error('disk full')
  }
  await subject.start({ maxLines: 10, maxChunks: 3, retryMinMs: 60_000, retryMaxMs: 60_000 })
  await subject.sees(20)
  await subject.stop()
  t.strictSame(subject.seen, lines(10, 30))
  isFirst = false
  await subject.start({ maxLines: 10 })
  await subject.sees(50)
  t.strictSame(subject.seen.slice(20), lines(0, 30), 'all again: none of it counted')
  t.match(subject.warnings, [/disk full/])
})

t.test('what no output takes is offered again under its id, and reading waits for it', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 100))
  let numFailures = 3
  subject.onChunk = async () => {
    if (numFailures-- > 0) throw new Error('away')
  }
  await subject.start({ maxLines: 10, maxChunks: 1 })
  await subject.sees(100)
  t.strictSame(subject.seen, lines(0, 100), 'in order')
  t.equal(new Set(subject.chunkIds.slice(0, 4)).size, 1)
  t.equal(new Set(subject.chunkIds).size, 10)
})

/** The names under which lines of two subjects went by, those that were used for other lines before. */
const recurring = (...subjects: Subject[]): (string | undefined)[] => {
  const ids = subjects.flatMap(({ chunkIds }) => chunkIds)
  return ids.filter((id, i) => ids.indexOf(id) < i)
}

t.test('other lines never go by a name that was used: the same text written anew', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 5))
  await subject.start()
  await subject.sees(5)
  for (const numSeen of [10, 15]) {
    await truncate(subject.path)
    await subject.counters.reaches('follow_truncations_total', numSeen / 5 - 1)
    await writeFile(subject.path, text(0, 5))
    await subject.sees(numSeen)
  }
  t.strictSame(recurring(subject), [])
})

t.test('the same text written anew is read, however soon it comes after the file was truncated', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 5))
  const increment = subject.counters.increment.bind(subject.counters)
  subject.counters.increment = (name, by) => {
    // Before the file is opened again.
    if (name === 'follow_truncations_total') writeFileSync(subject.path, text(0, 5))
    increment(name, by)
  }
  await subject.start()
  await subject.sees(5)
  await truncate(subject.path)
  await subject.sees(10)
  t.strictSame(subject.seen, [...lines(0, 5), ...lines(0, 5)])
})

t.test('other lines never go by a name that was used: files of two nodes', async t => {
  const [one, other] = [Subject.make(t), Subject.make(t)]
  await writeFile(one.path, text(0, 5))
  await one.start()
  await one.sees(5)
  await rename(one.path, other.path)
  await other.start()
  await other.sees(5)
  t.strictSame(recurring(one, other), [])
})

t.test('lines that were under way at a crash go by their names again', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 10))
  subject.onChunk = async () => {
    throw new Error('away')
  }
  await subject.start({ retryMinMs: 60_000, retryMaxMs: 60_000, maxLines: 5 })
  await subject.counters.reaches('follow_lines_total', 10)
  await subject.stop()
  t.equal(subject.chunkIds.length, 2)
  subject.onChunk = async () => {}
  await subject.start({ maxLines: 5 })
  await subject.sees(10)
  t.strictSame(subject.chunkIds.slice(2), subject.chunkIds.slice(0, 2))
})

t.test('long lines are cut, lines of any bytes pass', async t => {
  const subject = Subject.make(t)
  await writeFile(
    subject.path,
    Buffer.concat([Buffer.alloc(250, 'x'), Buffer.from('\n\xff\n\n', 'latin1'), Buffer.alloc(130, 'y')]),
  )
  await subject.start({ maxLineBytes: 100 })
  await subject.sees(6)
  t.strictSame(
    subject.seen.map(line => `${line.slice(0, 1)}${line.length}`),
    ['x100', 'x100', 'x50', '\ufffd1', '0', 'y100'],
  )
})

t.test('a file that is not there may be begun at its end', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 5))
  await subject.start({ startAt: 'end' })
  await new Promise(resolve => setTimeout(resolve, 50))
  await appendFile(subject.path, text(5, 7))
  await subject.sees(2)
  t.strictSame(subject.seen, lines(5, 7))
})

t.test('positions that cannot be understood stop the start instead of reading all again', async t => {
  const subject = Subject.make(t)
  await mkdir(subject.at('state'))
  await writeFile(subject.positions, '{"version":1,"files":{"a":')
  await t.rejects(subject.start(), { message: /does not hold positions of files: mend it, or remove it/ })
  await writeFile(subject.positions, '{"version":9,"files":{}}')
  await t.rejects(subject.start(), { message: /does not hold positions/ })
})

t.test('positions are on disk once the input is closed', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, text(0, 5))
  await subject.start()
  await subject.sees(5)
  await subject.stop()
  const { files } = JSON.parse(await readFile(subject.positions, 'utf8'))
  t.match(files[subject.path], { offset: Buffer.byteLength(text(0, 5)) })
})

t.test('many rotations under load lose and repeat nothing', async t => {
  const subject = Subject.make(t)
  await writeFile(subject.path, '')
  await subject.start({ maxLines: 7 })
  let next = 0
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 5; i++) {
      await appendFile(subject.path, text(next, next + 40))
      next += 40
    }
    if (round % 4 === 3) {
      await subject.stop()
      await appendFile(subject.path, text(next, next + 5))
      next += 5
      await rename(subject.path, subject.at(`app.log.${100 - round}`))
      await tick()
      await writeFile(subject.path, '')
      await subject.start({ maxLines: 7 })
    } else {
      await rename(subject.path, subject.at(`app.log.${100 - round}`))
      await tick()
      await writeFile(subject.path, text(next, next + 1))
      next += 1
    }
  }
  await subject.sees(next)
  t.strictSame(subject.seen, lines(0, next))
})
