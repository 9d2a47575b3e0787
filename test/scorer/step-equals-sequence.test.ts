import t, { type Test } from 'tap'
import { ScoringError } from '../../scorer/errors.js'
import type { GptNeoConfig } from '../../scorer/model/config.js'
import { Random } from '../../scorer/random.js'
import { Scorer } from '../../scorer/scorer.js'
import type { TokenSequence } from '../../scorer/segments.js'
import type { SequenceScores } from '../../scorer/sequence-scorer.js'
import { interleave, scoreLive, scoreWhole } from '../fixtures/scorer/live-sessions.js'
import { REFERENCE_CONFIG } from '../fixtures/scorer/reference.js'
import { randomParameters, randomTokens, TINY } from '../fixtures/scorer/tiny-model.js'

const parameters = randomParameters(TINY, 11)
const model = { config: TINY, parameters }

/** Sessions of every length below and above the context, some of them the beginning of another, some without an end. */
function randomSessions(random: Random, count: number, { vocabularySize } = TINY): TokenSequence[] {
  const sessions: TokenSequence[] = []
  for (let i = 0; i < count; i++) {
    const fresh = randomTokens(random, random.integer(45), vocabularySize)
    const other = sessions.at(-1)?.tokens
    const shared = other === undefined || random.uniform() < 0.6 ? fresh.subarray(0, 0) : other
    const tokens = Int32Array.from([...shared.subarray(0, random.integer(shared.length + 1)), ...fresh])
    sessions.push({ tokens, ended: random.uniform() < 0.7 })
  }
  return sessions
}

/** The largest difference between surprises, or between rarities. */
function difference<K extends 'surprises' | 'rarities' = 'surprises'>(
  live: readonly Pick<SequenceScores, K>[],
  whole: readonly SequenceScores[],
  of: K = 'surprises' as K,
): number {
  let worst = 0
  live.forEach((scores, i) => {
    if (scores[of].length !== whole[i]![of].length) throw new Error('a target is missing')
    scores[of].forEach((value, at) => {
      worst = Math.max(worst, Math.abs(value - whole[i]![of][at]!))
    })
  })
  return worst
}

const TOLERANCE = 1e-5

t.test('a live session is scored as the whole one is, however events are mixed and cut', async t => {
  await compareLiveWithWhole(t, TINY, 8)
})

t.test('so it is by a deeper model, where a local layer reads what another local one saw', async t => {
  await compareLiveWithWhole(t, REFERENCE_CONFIG, 4)
})

async function compareLiveWithWhole(t: Test, config: GptNeoConfig, numRounds: number): Promise<void> {
  const parameters = randomParameters(config, 11)
  const scorer = await Scorer.start({ config, parameters })
  t.teardown(() => scorer.close())
  const random = new Random(1)
  for (let round = 0; round < numRounds; round++) {
    const sessions = randomSessions(random, 12, config)
    const arrivals = interleave(sessions, count => random.integer(count))
    const live = await scoreLive(
      scorer,
      arrivals,
      sessions.length,
      () => 1 + random.integer(round === 0 ? 1 : 40),
    )
    const whole = await scoreWhole(config, parameters, sessions)
    t.ok(difference(live, whole) < TOLERANCE, `surprises differ by ${difference(live, whole)}`)
    t.ok(
      difference(live, whole, 'rarities') < TOLERANCE,
      `rarities by ${difference(live, whole, 'rarities')}`,
    )
    t.same(
      live.map(({ ranks }) => [...ranks]),
      whole.map(({ ranks }) => [...ranks]),
    )
  }
}

t.test('prefixes that fell out of a small memory are computed anew', async t => {
  const scorer = await Scorer.start(model, { cacheBytes: 1 })
  t.teardown(() => scorer.close())
  const random = new Random(2)
  const sessions = randomSessions(random, 60)
  const arrivals = interleave(sessions, count => random.integer(count))
  const live = await scoreLive(scorer, arrivals, sessions.length, () => 1 + random.integer(20))
  const whole = await scoreWhole(TINY, parameters, sessions)
  t.equal(scorer.tree.size, scorer.tree.capacity, 'the memory was full')
  t.ok(arrivals.length > 5 * scorer.tree.capacity, 'and many times too small')
  t.ok(difference(live, whole) < TOLERANCE, `surprises differ by ${difference(live, whole)}`)
})

t.test('computations may overlap', async t => {
  const scorer = await Scorer.start(model)
  t.teardown(() => scorer.close())
  const random = new Random(3)
  const tokens = randomTokens(random, 30, TINY.vocabularySize)
  const context = scorer.begin()
  const asked: { node: number; token: number }[] = []
  let settled: Promise<void> = Promise.resolve()
  for (const token of tokens) {
    asked.push({ node: scorer.enter(context), token })
    scorer.append(context, token)
    settled = scorer.compute()
  }
  await settled
  const surprises = Float32Array.from(asked, ({ node, token }) => scorer.tree.surprise(node, token))
  const whole = await scoreWhole(TINY, parameters, [{ tokens, ended: false }])
  t.ok(difference([{ surprises }], whole) < TOLERANCE)
})

t.test('a second session of the same keys needs no computation', async t => {
  const scorer = await Scorer.start(model)
  t.teardown(() => scorer.close())
  for (const expected of [true, false]) {
    const context = scorer.begin()
    for (const token of [4, 5, 6]) {
      const node = scorer.enter(context)
      t.equal(scorer.tree.numWaiting > 0, expected)
      await scorer.compute()
      scorer.tree.unpin(node)
      scorer.append(context, token)
    }
  }
})

t.test('the likeliest tokens come best first', async t => {
  const scorer = await Scorer.start(model)
  t.teardown(() => scorer.close())
  const node = scorer.enter(scorer.begin())
  await scorer.compute()
  const all = scorer.tree.likeliest(node, TINY.vocabularySize)
  t.ok(Math.abs(all.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-5)
  all.forEach(({ token, probability }, rank) => {
    t.equal(scorer.tree.rank(node, token), rank)
    t.ok(Math.abs(probability - Math.exp(-scorer.tree.surprise(node, token))) < 1e-6)
  })
  t.same(scorer.tree.likeliest(node, 2), all.slice(0, 2))
})

t.test('a graph that fails is a ScoringError; sessions go on right with the next computation', async t => {
  const scorer = await Scorer.start(model)
  t.teardown(() => scorer.close())
  const context = scorer.begin()
  for (const token of [4, 5]) {
    scorer.tree.unpin(scorer.enter(context))
    await scorer.compute()
    scorer.append(context, token)
  }
  // A token the embedding does not hold is what makes the runtime fail.
  const broken = scorer.begin()
  scorer.append(broken, TINY.vocabularySize + 1000)
  scorer.enter(broken)
  scorer.enter(context)
  const inFlight = scorer.compute()
  const later = scorer.begin()
  scorer.append(later, 7)
  scorer.enter(later)
  const built = scorer.compute()
  await t.rejects(inFlight, ScoringError)
  await t.rejects(built, ScoringError)
  await t.rejects(inFlight, { code: 'ERR_SCORER_RUN', retriable: true })

  const whole = await scoreWhole(TINY, parameters, [{ tokens: Int32Array.of(4, 5, 6), ended: true }])
  const surprises: number[] = []
  scorer.append(context, 6)
  for (const [at, token] of [4, 5, 6, 2].entries()) {
    const again = scorer.begin()
    for (const before of [4, 5, 6].slice(0, at)) scorer.append(again, before)
    const node = scorer.enter(at === 3 ? context : again)
    await scorer.compute()
    surprises.push(scorer.tree.surprise(node, token))
  }
  t.ok(difference([{ surprises: Float32Array.from(surprises) }], whole) < TOLERANCE)
})

t.test('a closed scorer fails cleanly', async t => {
  const scorer = await Scorer.start(model)
  scorer.enter(scorer.begin())
  const inFlight = scorer.compute()
  const closed = scorer.close()
  await t.rejects(inFlight, ScoringError)
  await closed
  scorer.enter(scorer.begin())
  await t.rejects(scorer.compute(), ScoringError)
  await scorer.compute()
})
