import t from 'tap'
import { FlagPrinter } from '../../plugin/cli/flag-printer.js'
import type { SessionSummary, Verdict } from '../../plugin/verdict.js'

const PAGE = { columns: 60, isCut: false }
const NEXT = {
  detector: 'next-key',
  p_value: 0.00077,
  message:
    'after `connection accepted` this log continues with `reading` (99 %); instead came `writing` (1 in 40,000)',
} as const
const VALUE = { detector: 'parameter', p_value: 0.02, message: '`writing` came with 9' } as const

const line = (message: string, verdict: Partial<Verdict> = {}) => ({
  message,
  logneo: { status: 'scored', anomaly: false, session: 'a', score: 0, ...verdict } as Verdict,
})
const flag = (message: string, evidence: Verdict['evidence']) =>
  line(message, {
    anomaly: true,
    score: 4.21,
    severity: 'medium',
    reasons: evidence!.map(({ detector }) => detector),
    evidence: evidence!,
    expected: [{ template: 'reading', probability: 0.99 }],
  })
const summary = (fields: Partial<SessionSummary>) => ({
  logneo: {
    kind: 'session',
    session: 'a',
    anomaly: true,
    severity: 'medium',
    score: 4.21,
    reasons: ['next-key'],
    events: 3,
    anomalies: 2,
    closed: 'idle',
    started: '2024-05-01T10:00:00.000Z',
    ended: '2024-05-01T10:00:02.500Z',
    ...fields,
  } as SessionSummary,
})

t.test('a flag tells what each detector found, how rare that is, and the lines before it', async t => {
  const printer = new FlagPrinter(PAGE)
  t.equal(printer.print(line('connection accepted')), '')
  t.equal(
    printer.print(flag('writing 9', [NEXT, VALUE])),
    `MEDIUM  score 4.2  session a  (next-key, parameter)
  next-key, 1 in 1,300 normal sessions:
    after \`connection accepted\` this log continues with
    \`reading\` (99 %); instead came \`writing\` (1 in 40,000)
  parameter, 1 in 50 normal sessions:
    \`writing\` came with 9
    connection accepted
  > writing 9

`,
  )
})

t.test('a further flag of a session tells only what is new, and what was expected', async t => {
  const printer = new FlagPrinter(PAGE)
  printer.print(flag('writing 1', [NEXT]))
  const text = printer.print(flag('writing 9', [NEXT, VALUE]))
  t.notMatch(text, 'continues with')
  t.match(text, /parameter, 1 in 50[\s\S]*\n {2}expected +99 % {2}reading\n {4}writing 1\n {2}> writing 9\n/)
})

t.test('the close of a flagged session sums it up, with what only the end showed', async t => {
  const printer = new FlagPrinter(PAGE)
  printer.print(flag('writing 1', [NEXT]))
  t.equal(
    printer.print(summary({ evidence: [NEXT] })),
    '  session a (idle): 3 lines in 2.5 s, 2 flagged, severity\n  medium, score 4.2\n\n',
  )
  const late = { ...VALUE, detector: 'session-end', message: 'instead the session ended' } as const
  printer.print(line('last line'))
  t.match(
    printer.print(summary({ evidence: [late] })),
    /^MEDIUM[\s\S]*instead the session ended\n {4}last line\n {2}session a/,
  )
  t.equal(printer.print(summary({ anomaly: false })), '')
})

t.test('on a terminal long log lines are cut', async t => {
  const printer = new FlagPrinter({ columns: 20, isCut: true })
  t.match(printer.print(flag('x'.repeat(90), [VALUE])), /\n {2}> x{13}\.\.\.\n/)
})

t.test('what is remembered of sessions that never close is bounded', async t => {
  const printer = new FlagPrinter(PAGE)
  printer.print(line('connection accepted'))
  for (let i = 0; i < 10_000; i++) printer.print(line('other', { session: `b${i}` }))
  t.notMatch(printer.print(flag('writing 9', [NEXT])), /connection accepted\n/)
})
