import t from 'tap'
import { Reorder } from '../../plugin/reorder.js'
import { EchoJudge } from '../fixtures/plugin/echo-judge.js'

function subject(windowMs = 20) {
  const clock = { ms: 0 }
  const inner = new EchoJudge()
  const reorder = new Reorder({ inner, windowMs, now: () => clock.ms })
  const judge = (...lines: readonly (readonly [line: string, timeMs: number])[]) =>
    reorder.judge(lines.map(([line, timeMs]) => ({ line, timeMs })))
  return { clock, inner, reorder, judge }
}

t.test('chunks that overtook each other are judged in the order of their times', async t => {
  const { clock, inner, judge } = subject()
  const answers = [judge(['c', 30], ['d', 40]), judge(['a', 10], ['b', 20]), judge(['b2', 20], ['e', 50])]
  clock.ms = 20
  const [first, second, third] = await Promise.all(answers)
  t.strictSame(inner.lines, ['a', 'b', 'b2', 'c', 'd', 'e'])
  t.strictSame(
    [first, second, third].map(judged => judged!.verdicts.map(({ template }) => template)),
    [
      ['c', 'd'],
      ['a', 'b'],
      ['b2', 'e'],
    ],
    'each call has its own verdicts',
  )
})

t.test('a line is held back for the window, and takes with it what is older', async t => {
  const { clock, inner, judge } = subject()
  const early = judge(['c', 30])
  clock.ms = 15
  const late = judge(['a', 10], ['z', 90])
  clock.ms = 20
  await early
  t.strictSame(inner.lines, ['a', 'c'], 'z came later and is newer')
  clock.ms = 35
  await late
  t.strictSame(inner.lines, ['a', 'c', 'z'])
})

t.test('lines without a time stay behind the line before them', async t => {
  const { clock, inner, judge } = subject()
  const answers = [judge(['b', 20], ['b1', Number.NaN]), judge(['a', 10], ['a1', Number.NaN])]
  clock.ms = 20
  await Promise.all(answers)
  t.strictSame(inner.lines, ['a', 'a1', 'b', 'b1'])
})

t.test('no lines need no window, and whoever stops waits for nothing', async t => {
  const { inner, reorder, judge } = subject(60_000)
  t.strictSame((await judge()).verdicts, [])
  const waiting = [judge(['b', 2]), judge(['a', 1])]
  reorder.hurry()
  await Promise.all(waiting)
  await judge(['c', 0])
  t.strictSame(inner.lines, ['a', 'b', 'c'])
})

t.test('summaries go with the chunk whose line closed the session', async t => {
  const { inner, reorder, judge } = subject()
  const summary = { kind: 'session', session: 's' } as never
  const plain = inner.judge.bind(inner)
  inner.judge = async lines => ({ ...(await plain(lines)), summaries: [{ after: 1, summary }] })
  const [later, earlier] = [judge(['b', 2]), judge(['a', 1])]
  reorder.hurry()
  t.equal((await later).summaries.length, 0)
  t.strictSame((await earlier).summaries, [{ after: 1, summary }])
})

t.test('a failure reaches every chunk', async t => {
  const { inner, reorder, judge } = subject()
  inner.failure = new Error('scorer gone')
  const answers = [judge(['b', 2]), judge(['a', 1])]
  reorder.hurry()
  for (const answer of answers) await t.rejects(answer, /scorer gone/)
})
