import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Judged, LineInput } from '../../plugin/engine-parts.js'
import { openEngine } from '../../plugin/open-engine.js'
import { resolveStageOptions, type StageOptions } from '../../plugin/stage-options.js'
import type { SessionSummary, Verdict } from '../../plugin/verdict.js'
import { grammarLog, logLine, smallModel } from '../fixtures/plugin/small-model.js'

const START_MS = Date.UTC(2024, 7, 1)

/** As strict as a model of 250 sessions can be. */
const DETECT = { falseAlarmRate: 0.02 }

async function open(options: Omit<StageOptions, 'model'> = {}) {
  const { engine } = await openEngine(
    resolveStageOptions({ model: await smallModel(), detect: DETECT, ...options }),
  )
  return engine
}

const inputs = (lines: readonly string[]): LineInput[] =>
  lines.map((line, i) => ({ line, timeMs: START_MS + 1000 * i }))

/** A stream of normal sessions with faults among them, lines of no session, and one of a kind never seen. */
function faultyLines(): string[] {
  const lines = grammarLog(2, 260)
  const withFaults = lines.filter((line, i) => i % 17 !== 5 || !line.includes('checksum'))
  withFaults.splice(20, 0, 'no session here', logLine(START_MS, 's2x3', 'explode', 1))
  withFaults.splice(60, 0, logLine(START_MS, 'odd', 'sync', 1), logLine(START_MS, 'odd', 'close', 1))
  return withFaults
}

/** What a downstream reader sees, in order: verdicts with the summaries between them. */
function told(parts: readonly Judged[], last: readonly SessionSummary[]): (Verdict | SessionSummary)[] {
  const all: (Verdict | SessionSummary)[] = []
  for (const { verdicts, summaries } of parts) {
    let next = 0
    for (let i = 0; i <= verdicts.length; i++) {
      for (; next < summaries.length && summaries[next]!.after <= i; next++)
        all.push(summaries[next]!.summary)
      if (i < verdicts.length) all.push(verdicts[i]!)
    }
  }
  return [...all, ...last]
}

function assertAlike(
  given: readonly (Verdict | SessionSummary)[],
  expected: readonly (Verdict | SessionSummary)[],
): void {
  assert.equal(given.length, expected.length)
  given.forEach((one, i) => {
    const other = expected[i]!
    for (const name of ['score', 'surprise', 'rank'] as const) {
      const [x, y] = [(one as Verdict)[name], (other as Verdict)[name]]
      if (x !== undefined || y !== undefined)
        assert.ok(Math.abs(x! - y!) < 1e-4, `${name} ${x} instead of ${y}`)
    }
    const exact = ({ score, surprise, expected, message, evidence, ...rest }: Verdict & SessionSummary) => ({
      ...rest,
      evidence: evidence?.map(({ detector }) => detector),
    })
    assert.deepEqual(exact(one as Verdict & SessionSummary), exact(other as Verdict & SessionSummary))
  })
}

async function judgeAll(lines: readonly LineInput[], options: Omit<StageOptions, 'model'> = {}) {
  const engine = await open(options)
  try {
    const judged = await engine.judge(lines)
    return told([judged], await engine.finish('complete'))
  } finally {
    await engine.close()
  }
}

t.test(
  'verdicts do not depend on how lines are cut into calls, nor on whether calls wait for each other',
  async t => {
    const lines = inputs(faultyLines())
    const expected = await judgeAll(lines)
    t.ok(expected.some(({ anomaly }) => anomaly === true))
    t.ok(expected.some(({ anomaly }) => anomaly === false))
    const property = fc.asyncProperty(
      fc.array(fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 500, max: 800 })), {
        minLength: 1,
        maxLength: 12,
      }),
      fc.boolean(),
      async (cuts, isOverlapping) => {
        const engine = await open()
        const calls: Promise<Judged>[] = []
        let from = 0
        for (const size of [...cuts, lines.length]) {
          calls.push(engine.judge(lines.slice(from, from + size)))
          from += size
          if (!isOverlapping) await calls.at(-1)
        }
        const parts = await Promise.all(calls)
        const last = await engine.finish('complete')
        await engine.close()
        assertAlike(told(parts, last), expected)
      },
    )
    await fc.assert(property, { seed: 5, numRuns: 8 })
  },
)

t.test('a memory far too small changes no verdict', async t => {
  const lines = inputs(faultyLines())
  assertAlike(await judgeAll(lines, { scorer: { cacheBytes: 1 } }), await judgeAll(lines))
  t.pass()
})

t.test('many sessions repeated over a small memory never make a call fail', async t => {
  const engine = await open({ scorer: { cacheBytes: 1 }, rules: { endPattern: 'never' } })
  t.teardown(() => engine.close())
  const kinds = ['open', 'read', 'check', 'write', 'sync']
  const burst = (name: string) =>
    Array.from({ length: 2400 }, (_, i) => {
      const session = Math.floor(i / 100)
      // Each session is a path of its own through the tree.
      const kind = kinds[Math.floor((session * 7919 + (i % 100) * (session + 3)) / 5) % 5]!
      return { line: logLine(START_MS, `${name}${session}`, kind, i), timeMs: START_MS }
    })
  for (const round of ['a', 'b']) {
    const lines = burst(round)
    const calls = [0, 1, 2, 3, 4, 5, 6, 7].map(part =>
      engine.judge(lines.slice(part * 300, (part + 1) * 300)),
    )
    const verdicts = (await Promise.all(calls)).flatMap(judged => judged.verdicts)
    t.ok(verdicts.every(({ status }) => status === 'scored'))
  }
})

t.test('all sessions can be closed at once over a small memory', async t => {
  const engine = await open({ scorer: { cacheBytes: 1 }, rules: { endPattern: 'never' } })
  t.teardown(() => engine.close())
  const kinds = ['open', 'read', 'check', 'write', 'sync']
  const lines = Array.from({ length: 4000 }, (_, i) => {
    const session = i % 400
    const kind = kinds[Math.floor(session / 5 ** Math.floor(i / 400)) % 5]!
    return { line: logLine(START_MS, `m${session}`, kind, i), timeMs: START_MS }
  })
  await engine.judge(lines)
  const summaries = await engine.finish('complete')
  t.equal(summaries.length, 400)
  t.ok(summaries.every(({ status, events }) => status === 'scored' && events === 10))
})

t.test('a scorer that fails leaves lines unscored, once told, and later lines are scored again', async t => {
  const failures: Error[] = []
  const engine = await open({ onScorerFailure: error => failures.push(error) })
  t.teardown(() => engine.close())
  const session = (name: string) =>
    inputs(['open', 'write', 'sync', 'close'].map(kind => logLine(START_MS, name, kind, 1)))
  const { scorer } = engine.parts.model!
  // A token the model does not know makes the runtime fail as a broken graph would.
  const broken = scorer.begin()
  scorer.append(broken, 100_000)
  scorer.enter(broken, 0)
  const first = await engine.judge(session('a').slice(0, 2))
  t.same(
    first.verdicts.map(({ status }) => status),
    ['unscored', 'unscored'],
  )
  t.match(first.verdicts[0], { session: 'a', template: /connection accepted/ })
  t.equal(failures.length, 1)
  t.match(failures[0], { code: 'ERR_SCORER_RUN' })

  const rest = await engine.judge(session('a').slice(2))
  t.same(
    rest.verdicts.map(({ status, anomaly }) => [status, anomaly]),
    [
      ['scored', false],
      ['scored', false],
    ],
  )
  t.match(
    rest.summaries[0]!.summary,
    { session: 'a', status: 'unscored', anomaly: false },
    'part of it was not looked at',
  )
  const whole = await engine.judge(session('b'))
  t.match(whole.summaries[0]!.summary, { session: 'b', status: 'scored' })
  t.equal(failures.length, 1)
})

t.test('lines without a session, and records without a line, pass unscored', async t => {
  const engine = await open()
  t.teardown(() => engine.close())
  const { verdicts, summaries } = await engine.judge([
    { line: 'nobody is here', timeMs: 0 },
    { line: undefined, timeMs: 0 },
    { line: '', timeMs: Number.NaN },
    { line: 'someone is here', timeMs: 0, sessionId: 'given' },
  ])
  t.match(verdicts[0], { status: 'unscored', template: 'nobody is here' })
  t.same(verdicts[1], { status: 'unscored' })
  t.equal(verdicts[2]!.status, 'unscored')
  t.match(verdicts[3], { status: 'scored', session: 'given', anomaly: true })
  t.ok(verdicts[3]!.reasons!.includes('unseen-key'))
  t.same(summaries, [])
})

t.test(
  'summaries come right after the line that closed the session, or before the line that found it idle',
  async t => {
    const engine = await open()
    t.teardown(() => engine.close())
    const kinds = ['open', 'write', 'sync', 'close']
    const late = { line: logLine(0, 'c', 'open', 1), timeMs: START_MS + 3_600_000 }
    const { summaries } = await engine.judge([
      { line: logLine(0, 'b', 'open', 1), timeMs: START_MS },
      ...inputs(kinds.map(kind => logLine(0, 'a', kind, 1))),
      // The clock believes a jump of an hour from the third line on.
      late,
      late,
      late,
    ])
    t.match(summaries, [
      { after: 5, summary: { session: 'a', closed: 'end', events: 4, anomaly: false } },
      {
        after: 7,
        summary: {
          session: 'b',
          closed: 'idle',
          events: 1,
          anomaly: true,
          reasons: ['key-set', 'session-end'],
        },
      },
    ])
    const last = await engine.finish('open')
    t.match(last, [{ session: 'c', closed: 'open', open: true, events: 3 }])
  },
)

t.test('an anomaly explains itself in words', async t => {
  const engine = await open()
  t.teardown(() => engine.close())
  const lines = ['open', 'write', 'check'].map(kind => logLine(0, 'a', kind, 1))
  const { verdicts } = await engine.judge(inputs(lines))
  const { message, expected, reasons } = verdicts[2]!
  t.same(reasons, ['key-set'])
  t.match(
    message,
    /after `.*received payload.*` this log continues with `.*flush to disk.*` \(\d+\+? %\).*; instead came `.*checksum.*` \(1 in [\d,]+\)/,
  )
  t.match(
    message,
    /`.*checksum.*` came together with `.*received payload.*`, as in none of \d+ normal sessions with either/,
  )
  t.match(expected![0]!.template, /flush to disk/)
  t.ok(expected![0]!.probability > 0.8)
  t.ok(expected!.length <= 3)
  t.ok(verdicts[2]!.rank! > 0)
})

t.test('a value unlike all that came in training is flagged, with evidence of its own', async t => {
  const engine = await open()
  t.teardown(() => engine.close())
  const lines = (number: number) =>
    ['open', 'read', 'check', 'close'].map((kind, i) => logLine(0, `n${number}`, kind, i === 1 ? number : 7))
  const { verdicts } = await engine.judge(inputs([...lines(700), ...lines(4_000_000_000)]))
  t.same(
    verdicts.map(({ anomaly }) => anomaly),
    [false, false, false, false, false, true, false, false],
  )
  const { reasons, evidence, message } = verdicts[5]!
  t.same(reasons, ['parameter'])
  t.match(evidence, [{ detector: 'parameter', message }])
  t.ok(evidence![0]!.p_value < 0.02)
  t.match(message, /came with 4000000000; so large a number comes in none of \d+ normal sessions/)
})

t.test('a line is scored in the earliest window and counted in all', async t => {
  const rules = { session: { kind: 'window', seconds: 10, stepSeconds: 5 } } as const
  const engine = await open({ rules })
  t.teardown(() => engine.close())
  const at = (seconds: number) => ({ line: logLine(0, 'a', 'open', 1), timeMs: START_MS + 1000 * seconds })
  const { verdicts, summaries } = await engine.judge([at(6), at(7), at(11)])
  t.match(summaries, [
    {
      after: 2,
      summary: { session: `all@${new Date(START_MS).toISOString()}`, events: 2, closed: 'window' },
    },
  ])
  const windows = (await engine.finish('open')).map(({ session, events }) => [session, events])
  const label = (seconds: number) => `all@${new Date(START_MS + 1000 * seconds).toISOString()}`
  t.same(
    verdicts.map(({ session }) => session),
    [label(0), label(0), label(5)],
  )
  t.same(windows, [
    [label(5), 3],
    [label(10), 1],
  ])
})
