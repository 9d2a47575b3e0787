import t from 'tap'
import { StateDirectory } from '../../plugin/adopt/state-directory.js'
import type { Engine } from '../../plugin/engine.js'
import { openSmall, sessionLines } from '../fixtures/plugin/open-small.js'
import { grammarLog } from '../fixtures/plugin/small-model.js'

const START_MS = Date.UTC(2024, 7, 1)
const MINUTE_MS = 60_000
const NORMAL = ['open', 'write', 'sync', 'close']
/** A kind of line that training never saw. */
const NEW = ['open', 'write', 'retry', 'sync', 'close']
const ODD = [
  ['sync', 'close'],
  ['open', 'write', 'close'],
  ['open', 'write', 'check', 'sync', 'close'],
]
const ADOPT = { sessions: 4, minutes: 30, share: 0.01 }

/** Detectors that look at keys alone: the sessions here hold values that training did not, too. */
const OF_KEYS = ['next-key', 'unseen-key', 'session-end', 'key-set', 'count-order', 'count-vector'] as const

async function open(adopt?: typeof ADOPT) {
  const state = StateDirectory.open()
  const { engine } = await openSmall({
    state,
    adopt,
    ...(adopt !== undefined && { detect: { detectors: OF_KEYS } }),
  })
  return { engine, state }
}

/** Whether each of some sessions was flagged, the first at `fromMs`, each `everyMs` after the one before. */
async function flags(
  engine: Engine,
  kinds: readonly string[],
  count: number,
  fromMs: number,
  everyMs: number,
) {
  const all: boolean[] = []
  for (let i = 0; i < count; i++) {
    const at = fromMs + i * everyMs
    const { summaries } = await engine.judge(sessionLines(`x${at}`, at, kinds))
    all.push(summaries[0]!.summary.anomaly)
  }
  return all
}

t.test('what keeps coming back over some time is no longer flagged', async t => {
  const { engine, state } = await open(ADOPT)
  t.teardown(() => engine.close())
  t.same(
    await flags(engine, NEW, 6, START_MS, 10 * MINUTE_MS),
    [true, true, true, true, false, false],
    'four sightings over half an hour',
  )
  t.match(state.adoptions.all()[0], {
    by: 'recurrence',
    sightings: { sessions: 4, from: new Date(START_MS).toISOString() },
    description: [/unheard of thing.*comes/],
  })
  t.same(await flags(engine, ['sync', 'close'], 1, START_MS + 100 * MINUTE_MS, 0), [true])
  t.same(await flags(engine, NORMAL, 1, START_MS + 101 * MINUTE_MS, 0), [false])
})

t.test('a burst is flagged to its end, however large', async t => {
  const { engine, state } = await open(ADOPT)
  t.teardown(() => engine.close())
  const burst = await flags(engine, NEW, 60, START_MS, 1000)
  t.ok(burst.every(isFlagged => isFlagged))
  t.equal(state.adoptions.size, 0)
})

t.test('what few of the sessions show is not adopted', async t => {
  const { engine, state } = await open({ ...ADOPT, share: 0.2 })
  t.teardown(() => engine.close())
  for (let i = 0; i < 6; i++) {
    const at = START_MS + i * 20 * MINUTE_MS
    t.same(await flags(engine, NEW, 1, at, 0), [true])
    await flags(engine, NORMAL, 9, at + 1000, 1000)
  }
  t.equal(state.adoptions.size, 0)
})

t.test('what was revoked is flagged again and does not come back by itself', async t => {
  const { engine, state } = await open(ADOPT)
  t.teardown(() => engine.close())
  await flags(engine, NEW, 5, START_MS, 10 * MINUTE_MS)
  for (const { id } of state.adoptions.all()) state.revoke(id)
  const later = START_MS + 600 * MINUTE_MS
  t.same(await flags(engine, NEW, 6, later, 10 * MINUTE_MS), Array(6).fill(true))
})

t.test('without adoption only what somebody marks is taken as normal, at once', async t => {
  const { engine, state } = await open()
  t.teardown(() => engine.close())
  t.same(await flags(engine, NEW, 6, START_MS, 10 * MINUTE_MS), Array(6).fill(true))
  t.equal(state.mark('nobody'), undefined)
  t.match(state.mark(`x${START_MS}`), { by: 'feedback', session: `x${START_MS}` })
  t.same(await flags(engine, NEW, 1, START_MS + 100 * MINUTE_MS, 0), [false])
})

t.test(
  'a kind of line that was marked counts for nothing, whatever detectors see it and however often it comes',
  async t => {
    const state = StateDirectory.open()
    const { engine } = await openSmall({ state, detect: { falseAlarmRate: 0.02, detectors: ['key-set'] } })
    t.teardown(() => engine.close())
    t.same(await flags(engine, NEW, 1, START_MS, 0), [true])
    t.ok(state.mark(`x${START_MS}`))
    const often = ['open', 'write', ...Array(20).fill('retry'), 'sync', 'close']
    t.same(await flags(engine, NEW, 1, START_MS + MINUTE_MS, 0), [false])
    t.same(await flags(engine, often, 1, START_MS + 2 * MINUTE_MS, 0), [false])
  },
)

t.test('a session that lacks lines, or holds them in another order, can be marked too', async t => {
  const { engine, state } = await open()
  t.teardown(() => engine.close())
  for (const [i, kinds] of ODD.entries()) {
    const at = START_MS + 10 * i * MINUTE_MS
    t.same(await flags(engine, kinds, 1, at, 0), [true], `${kinds} is odd`)
    t.ok(state.mark(`x${at}`))
    t.same(await flags(engine, kinds, 1, at + MINUTE_MS, 0), [false], `${kinds} was marked`)
  }
})

t.test('adoption does not depend on how lines are cut into calls', async t => {
  const lines = Array.from({ length: 12 }, (_, i) => [
    ...sessionLines(`n${i}`, START_MS + 10 * i * MINUTE_MS, NEW),
    ...sessionLines(`s${i}`, START_MS + (10 * i + 1) * MINUTE_MS, i % 2 === 0 ? NORMAL : ['sync', 'close']),
  ]).flat()
  const expected = await told(lines.length)
  t.ok(expected.includes(true) && expected.includes(false))
  for (const size of [1, 7]) t.same(await told(size), expected, `calls of ${size}`)

  async function told(size: number): Promise<(boolean | undefined)[]> {
    const { engine } = await open(ADOPT)
    const calls: ReturnType<Engine['judge']>[] = []
    for (let i = 0; i < lines.length; i += size) calls.push(engine.judge(lines.slice(i, i + size)))
    const judged = await Promise.all(calls)
    await engine.close()
    return judged.flatMap(({ verdicts }) => verdicts.map(({ anomaly }) => anomaly))
  }
})

t.test('a model that takes over in the middle of sessions decides as if it had been there', async t => {
  const inputs = grammarLog(9, 80).map(line => ({ line, timeMs: START_MS }))
  const whole = await openSmall()
  const expected = (await whole.engine.judge(inputs)).verdicts
  await whole.engine.close()
  for (const keepsHistory of [true, false]) {
    const { engine } = await openSmall({ keepsHistory })
    const { engine: other } = await openSmall()
    const half = inputs.length >> 1
    const first = engine.judge(inputs.slice(0, half))
    const replaced = engine.replace(other.parts as never)
    const second = engine.judge(inputs.slice(half))
    const verdicts = [...(await first).verdicts, ...(await second).verdicts]
    await replaced
    await engine.close()
    t.same(
      verdicts.map(({ anomaly, status }) => [anomaly, status]),
      expected.map(({ anomaly, status }) => [anomaly, status]),
    )
    verdicts.forEach(({ surprise }, i) => {
      if (Math.abs(surprise! - expected[i]!.surprise!) > 1e-4) t.equal(surprise, expected[i]!.surprise)
    })
  }
})
