import fc from 'fast-check'
import t from 'tap'
import { Composition } from '../../scorer/composition/composition.js'
import { type Findings, noFindings } from '../../scorer/composition/findings.js'
import { CompositionStatistics, compositionSchema, sizeOf } from '../../scorer/composition/statistics.js'
import { Tally } from '../../scorer/composition/tally.js'
import { UNKNOWN } from '../../scorer/vocabulary.js'

const [OPEN, READ, CHECK, CLOSE, RETRY] = [4, 5, 6, 7, 8]
const VOCABULARY = 12

/** open, reads each with its check, close; one session in fifty holds a retry. */
const NORMAL = Array.from({ length: 1000 }, (_, i) => [
  OPEN,
  ...Array.from({ length: 1 + (i % 3) }, () => [READ, CHECK]).flat(),
  ...(i % 50 === 0 ? [RETRY] : []),
  CLOSE,
])

function statisticsOf(sessions: readonly (readonly number[])[]): CompositionStatistics {
  return CompositionStatistics.of(
    sessions.map(session => Tally.of(session)),
    VOCABULARY,
  )
}

function find(composition: Composition, session: readonly number[], isWhole = true): Findings {
  const findings = noFindings()
  const tally = new Tally()
  for (const token of session) composition.observe(tally, token, findings)
  if (isWhole) composition.conclude(tally, findings)
  return findings
}

const composition = new Composition(statisticsOf(NORMAL))

t.test('ordinary sessions surprise nobody', async t => {
  for (const finding of Object.values(find(composition, [OPEN, READ, CHECK, CLOSE])))
    t.ok(finding.surprise < 1.5)
  t.ok(
    find(composition, [OPEN, READ, CHECK, RETRY, CLOSE])['key-set'].surprise < 4.5,
    'a rare key is a little odd',
  )
})

t.test('what is odd is found, by the detector that looks at it', async t => {
  t.match(find(composition, [OPEN, READ, CHECK])['key-set'], {
    kind: 'absent',
    token: CLOSE,
    seen: 0,
    of: 1000,
  })
  t.match(find(composition, [OPEN, UNKNOWN, READ, CHECK, CLOSE])['key-set'], { kind: 'unseen', seen: 0 })
  t.match(find(composition, [OPEN, READ, CHECK, READ, CLOSE])['count-order'], {
    kind: 'order',
    seen: 0,
    of: 1000,
  })
  const many = Array.from({ length: 40 }, () => [READ, CHECK]).flat()
  t.match(find(composition, [OPEN, ...many, CLOSE])['count-vector'], { kind: 'many', seen: 0, of: 1000 })
  for (const session of [
    [OPEN, READ, CHECK],
    [OPEN, READ, CHECK, READ, CLOSE],
  ]) {
    const largest = Math.max(...Object.values(find(composition, session)).map(({ surprise }) => surprise))
    t.ok(largest > 7.5, 'as surprising as a thousand sessions can vouch for')
  }
})

t.test('where a key comes now more and now less often than another, as often is no oddity', async t => {
  const sessions = NORMAL.map((_, i) => [OPEN, READ, READ, ...Array(i % 2 === 0 ? 1 : 3).fill(CHECK), CLOSE])
  const found = find(new Composition(statisticsOf(sessions)), [OPEN, READ, READ, CHECK, CHECK, CLOSE])
  t.ok(found['count-order'].surprise < 1, `of 1,000 sessions none: ${found['count-order'].surprise}`)
})

t.test('what rare keys do says little', async t => {
  const rare = new Composition(statisticsOf([...NORMAL, [OPEN, READ, CHECK, 9, 10, CLOSE]]))
  const { surprise } = find(rare, [OPEN, READ, CHECK, 9, CLOSE])['count-order']
  t.ok(surprise < 2, `a companion of a key seen once is missing: ${surprise}`)
})

t.test('the more lines of kinds that training did not have, the odder', async t => {
  const unseen = (all: Composition, numLines: number): number =>
    find(all, [OPEN, ...Array(numLines).fill(UNKNOWN), READ, CHECK, CLOSE])['key-set'].surprise
  t.ok(unseen(composition, 4) > unseen(composition, 1) + 1)
  // One session in a hundred has a line of a kind of its own, and one of those has five.
  const wide = NORMAL.map((session, i) => (i % 100 === 0 ? [...session, 100 + i] : session))
  wide[100] = [...wide[100]!, 200, 200, 200, 200]
  const lively = new Composition(
    CompositionStatistics.of(
      wide.map(session => Tally.of(session)),
      2000,
    ),
  )
  t.ok(Math.abs(unseen(lively, 1) - Math.log(100)) < 0.1, 'as rare as such sessions were')
  t.ok(unseen(lively, 5) > 6)
  t.ok(unseen(lively, 40) > unseen(lively, 5) + 2 * Math.LN2)
  const own = lively.judgeOwn(wide[100]!, true)['key-set']
  t.match(own, { kind: 'unseen', seen: 0, of: 999 }, 'it does not vouch for itself')
  const other = lively.judgeOwn(wide[200]!, true)['key-set']
  t.match(other, { kind: 'unseen', seen: 9, of: 999 })
})

t.test('while a session is open only what nothing can mend is found, and it only grows', async t => {
  const session = fc.array(fc.integer({ min: 3, max: VOCABULARY - 1 }), { maxLength: 30 })
  const property = fc.property(session, tokens => {
    const findings = noFindings()
    const tally = new Tally()
    let before = [0, 0, 0]
    for (const token of tokens) {
      composition.observe(tally, token, findings)
      const now = Object.values(findings).map(({ surprise }) => surprise)
      if (now.some((surprise, i) => surprise < before[i]!)) return false
      before = now
    }
    const open = Object.values(findings).map(({ surprise }) => surprise)
    composition.conclude(tally, findings)
    return Object.values(findings).every(({ surprise }, i) => surprise >= open[i]!)
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 3, numRuns: 300 }))
})

t.test('a session is judged against all others as if it had not been counted', async t => {
  const session = fc.array(fc.integer({ min: 4, max: VOCABULARY - 1 }), { minLength: 1, maxLength: 12 })
  const property = fc.property(fc.array(session, { minLength: 2, maxLength: 20 }), sessions => {
    const all = new Composition(statisticsOf(sessions))
    const others = new Composition(statisticsOf(sessions.slice(1)))
    const own = all.judgeOwn(sessions[0]!, true)
    // What the session alone holds is unseen without it.
    const seen = new Set(sessions.slice(1).flat())
    const expected = find(
      others,
      sessions[0]!.map(token => (seen.has(token) ? token : UNKNOWN)),
    )
    return (['count-order', 'count-vector'] as const).every(
      name =>
        Math.abs(own[name].surprise - expected[name].surprise) < 1e-9 ||
        sessions[0]!.some(token => !seen.has(token)),
    )
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 5, numRuns: 300 }))
})

t.test('statistics survive being stored', async t => {
  const statistics = statisticsOf(NORMAL)
  const table = compositionSchema.parse(JSON.parse(JSON.stringify(statistics.toTable())))
  t.same(CompositionStatistics.fromTable(table).toTable(), statistics.toTable())
  const stored = new Composition(CompositionStatistics.fromTable(table))
  t.same(find(stored, [OPEN, READ, RETRY]), find(composition, [OPEN, READ, RETRY]))
})

t.test('sizes of counts', async t => {
  t.same([1, 2, 3, 4, 7, 8, 1000].map(sizeOf), [0, 1, 1, 2, 2, 3, 9])
})
