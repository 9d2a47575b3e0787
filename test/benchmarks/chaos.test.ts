import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { assess } from '../../benchmarks/chaos/assess.js'
import { Disturbance } from '../../benchmarks/chaos/disturb.js'
import type { Expected } from '../../benchmarks/chaos/expected.js'
import { type Fault, type FaultKind, plan } from '../../benchmarks/chaos/fault.js'
import { type Arrival, JournalReader, JournalWriter, monotonicMs } from '../../benchmarks/chaos/journal.js'
import { Ledger } from '../../benchmarks/chaos/ledger.js'
import type { Topology } from '../../benchmarks/chaos/topology.js'
import { isScored, verdictCode } from '../../benchmarks/chaos/verdict-code.js'
import { Replay } from '../../benchmarks/replay.js'

const nothing = async (): Promise<void> => {}
const kind = (name: string, more: Partial<FaultKind> = {}): FaultKind => ({
  name,
  downMs: [10, 20],
  begin: nothing,
  end: nothing,
  ...more,
})

/** Records two by two in sessions, all expected to be scored as ordinary. */
const expectedOf = (total: number): Expected => ({
  total,
  codes: new Uint32Array(total),
  scores: new Float32Array(total),
  sessions: Uint32Array.from({ length: total }, (_, i) => i >> 1),
  numSessions: Math.ceil(total / 2),
})

const arrival = (number: number, atMs: number, more: Partial<Arrival> = {}): Arrival => ({
  number,
  code: 0,
  score: 0,
  atMs,
  ...more,
})

const fault = (of: FaultKind, beganMs: number, endedMs: number): Fault => ({
  kind: of,
  beganMs,
  endedMs,
  recoveryMs: 0,
  caughtUpMs: 0,
})

/** Of six records in three sessions. */
function assessed(arrivals: readonly Arrival[], faults: readonly Fault[], copies?: Uint8Array) {
  const expected = expectedOf(6)
  const ledger = new Ledger(expected)
  for (const one of arrivals) {
    if (one.number < 6 && ledger.counts[one.number] === 0) ledger.handIn(one.number, 1, one.atMs - 0.5)
    ledger.take(one)
  }
  return assess({ ledger, faults, seconds: 1 }, expected, copies)
}

const allAt = (times: readonly number[]): Arrival[] => times.map((atMs, number) => arrival(number, atMs))

t.test('each kind of fault comes once a round, in an order that the seed tells', async t => {
  const kinds = ['a', 'b', 'c', 'd'].map(name => kind(name))
  const first = (seed: number) => {
    const faults = plan(kinds, seed)
    return Array.from({ length: 8 }, () => faults.next().value!)
  }
  const names = first(1).map(({ kind }) => kind.name)
  t.same(names.slice(0, 4).toSorted(), ['a', 'b', 'c', 'd'])
  t.same(names.slice(4).toSorted(), ['a', 'b', 'c', 'd'])
  t.same(first(1), first(1))
  t.notSame(first(1), first(2))
  t.ok(first(3).every(({ downMs }) => downMs >= 10 && downMs <= 20))
})

t.test('the undisturbed course has nothing to tell', async t => {
  t.strictSame(assessed(allAt([1, 2, 3, 4, 5, 6]), []), {
    sent: 6,
    lost: 0,
    repeated: 0,
    repeatedWithoutCause: 0,
    strange: 0,
    unscored: 0,
    sessions: 3,
    touched: 0,
    touchedThatDiffer: 0,
    untouchedThatDiffer: 0,
    examples: [],
  })
})

t.test('a record that is missing is lost, one that nobody sent is strange', async t => {
  const found = assessed([...allAt([1, 2, 3, 4, 5]), arrival(77, 6)], [])
  t.match(found, { lost: 1, strange: 1 })
})

t.test('a record comes twice by right only from before a kill to after it', async t => {
  const twice = [...allAt([1, 2, 3, 4, 5, 6]), arrival(3, 20)]
  const kill = kind('kill', { mayRepeat: true })
  t.match(assessed(twice, []), { repeated: 1, repeatedWithoutCause: 1 })
  t.match(assessed(twice, [fault(kill, 10, 15)]), { repeated: 1, repeatedWithoutCause: 0 })
  const late = { ...fault(kind('kill', { mayRepeat: true, lingers: true }), 1, 2), caughtUpMs: 3 }
  t.match(assessed(twice, [late]), { repeatedWithoutCause: 0 })
  t.match(assessed(twice, [{ ...late, caughtUpMs: 1 }]), {
    repeatedWithoutCause: 1,
    examples: ['record 3 arrived 2 times, first at 0.00 s and last at 0.02 s, after "kill" (over at 0.00 s)'],
  })
  t.match(assessed(twice, [fault(kill, 5010, 5011)]), { repeatedWithoutCause: 1 })
  t.match(assessed(twice, [fault(kind('cut'), 10, 15)]), { repeatedWithoutCause: 1 })
  t.match(assessed(twice, [fault(kill, 30, 35)]), { repeatedWithoutCause: 1 })
  t.match(assessed(twice, [], Uint8Array.of(1, 1, 1, 2, 1, 1)), { lost: 0, repeated: 0 })
  t.match(assessed(allAt([1, 2, 3, 4, 5, 6]), [], Uint8Array.of(1, 1, 1, 2, 1, 1)), { lost: 1 })
})

t.test('sessions under way at a loss are touched, others must not differ', async t => {
  const loss = fault(kind('kill', { losesSessions: true }), 10, 15)
  const spans = allAt([1, 2, 3, 20, 21, 22])
  t.match(assessed(spans, [loss]), { touched: 1, touchedThatDiffer: 0, untouchedThatDiffer: 0 })
  const other = (number: number, more: Partial<Arrival>) =>
    assessed(
      spans.map(one => (one.number === number ? { ...one, ...more } : one)),
      [loss],
    )
  t.match(other(3, { score: 2 }), { touchedThatDiffer: 1, untouchedThatDiffer: 0 })
  t.match(other(5, { score: 2 }), {
    touchedThatDiffer: 0,
    untouchedThatDiffer: 1,
    examples: [
      /^record 5, which came 1 times, has another .* score 2\.000000 instead of .* score 0\.000000$/,
    ],
  })
  t.match(other(5, { score: 0.00005 }), { untouchedThatDiffer: 0 })
  t.match(other(0, { code: verdictCode({ status: 'scored', anomaly: true }) }), { untouchedThatDiffer: 1 })
})

t.test('unscored records touch their session where a fault took the model away', async t => {
  const code = verdictCode({ status: 'unscored' })
  const arrivals = allAt([1, 2, 3, 4, 5, 6]).map(one => (one.number === 2 ? { ...one, code } : one))
  t.match(assessed(arrivals, []), { unscored: 1, touched: 0, untouchedThatDiffer: 1 })
  const away = fault(kind('sidecar', { unscores: true }), 2, 4)
  t.match(assessed(arrivals, [away]), { unscored: 1, touched: 1, untouchedThatDiffer: 0 })
})

t.test('a verdict is told by its status, flag and reasons', async t => {
  const verdicts = [
    { status: 'scored', anomaly: false },
    { status: 'scored', anomaly: true, reasons: ['next-key'] },
    { status: 'scored', anomaly: true, reasons: ['session-end'] },
    { status: 'unscored' },
    { status: 'learning' },
    {},
  ]
  const codes = verdicts.map(verdictCode)
  t.equal(new Set(codes).size, codes.length)
  t.same(codes.map(isScored), [true, true, true, false, false, false])
})

t.test('a journal survives its writer, but for a row that was cut off', async t => {
  const path = join(t.testdir(), 'journal')
  const rows: Arrival[] = []
  const reader = new JournalReader(path)
  t.teardown(() => reader.close())
  const write = (from: number, to: number): void => {
    const writer = new JournalWriter(path)
    for (let number = from; number < to; number++) writer.add(arrival(number, number + 0.25, { score: 0.5 }))
    writer.flush()
    writer.close()
  }
  write(0, 3000)
  appendFileSync(path, 'cut')
  reader.read(row => rows.push(row))
  t.equal(rows.length, 3000)
  write(3000, 3001)
  reader.read(row => rows.push(row))
  t.same(
    rows.map(({ number }) => number),
    Array.from({ length: 3001 }, (_, i) => i),
  )
  t.same(rows.at(-1), arrival(3000, 3000.25, { score: 0.5 }))
})

let numPipes = 0

/** A pipeline in this process that passes on what `passes` says. */
function pipeOf(t: Test, kinds: readonly FaultKind[], passes: (number: number) => boolean): Topology {
  const journal = join(t.testdirName, `journal-${numPipes++}`)
  const writer = new JournalWriter(journal)
  return {
    kinds,
    parts: [],
    journal,
    isExactlyOnce: false,
    send: async ({ first, lines }) => {
      for (let number = first; number < first + lines.length; number++)
        if (passes(number)) writer.add(arrival(number, monotonicMs()))
      writer.flush()
    },
    stop: async () => writer.close(),
  }
}

t.test('faults follow one another while records are sent, and what they lose is found', async t => {
  const expected = expectedOf(4000)
  const input = join(t.testdir(), 'one.log')
  writeFileSync(input, '2026-01-01 00:00:00.000 UTC [1] a.b LOG:  hello\n'.repeat(500))
  const replay = await Replay.open({ input, sessionRegex: '\\[\\d+\\] (\\S+) ' }, 'postgresql')
  const disturb = async (passes: (number: number, isDown: boolean) => boolean) => {
    let isDown = false
    const hole = kind('hole', {
      downMs: [200, 300],
      begin: async () => void (isDown = true),
      end: async () => void (isDown = false),
    })
    const topology = pipeOf(t, [hole], number => passes(number, isDown))
    const options = { replay, expected, rate: 2000, seed: 1, patienceMs: 300 }
    const course = await new Disturbance(topology, options).run()
    await topology.stop()
    return { faults: course.faults, found: assess(course, expected) }
  }
  const [sound, lossy, stuck] = await Promise.all([
    disturb(() => true),
    disturb((number, isDown) => !isDown && number !== 1234),
    disturb(number => number < 500),
  ])
  t.match(sound.found, { lost: 0, repeated: 0, untouchedThatDiffer: 0 })
  t.ok(sound.faults.length > 0)
  t.ok(sound.faults.every(({ recoveryMs }) => recoveryMs >= 0 && recoveryMs < 1000))
  t.ok(lossy.found.lost > 1, 'records of the hole and another one')
  t.equal(stuck.found.lost, 3500)
  t.equal(stuck.faults.at(-1)!.caughtUpMs, Number.POSITIVE_INFINITY)
})
