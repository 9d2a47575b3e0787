import t from 'tap'
import type { LineInput } from '../../plugin/engine-parts.js'
import { Joiner } from '../../plugin/join/joiner.js'
import { DEFAULT_JOIN_OPTIONS, type JoinOptions } from '../../plugin/join/options.js'
import { PartReader } from '../../plugin/join/part-reader.js'
import { encode } from '../fixtures/forward-values.js'
import { EchoJudge } from '../fixtures/plugin/echo-judge.js'

interface Clock {
  ms: number
}

function subject(given: JoinOptions = {}, clock: Clock = { ms: 0 }) {
  const options = { ...DEFAULT_JOIN_OPTIONS, ...given }
  const inner = new EchoJudge()
  const delivered: unknown[] = []
  const joiner = new Joiner({
    inner,
    options,
    now: () => clock.ms,
    deliver: summaries => delivered.push(summaries),
  })
  const reader = new PartReader(options)
  /** Records of one tag, their line in `message`. */
  const inputs = (
    records: readonly (string | Record<string, unknown>)[],
    tag = 'raw.a',
    origin?: string,
  ): LineInput[] =>
    records.map(given => {
      const record = typeof given === 'string' ? { message: given } : given
      const bytes = encode(record)
      const line = String(record.message)
      const from = { tag, ...(origin !== undefined && { origin }) }
      return { line, timeMs: 0, origin, part: reader.read(from, bytes, 0, bytes.length, line) }
    })
  const judge = (records: readonly (string | Record<string, unknown>)[], tag?: string, origin?: string) =>
    joiner.judge(inputs(records, tag, origin))
  return { inner, joiner, judge, clock, delivered }
}

/** Lines with how they should be taken: those that begin with `|` go on with the one before. */
const TRACES: Readonly<Record<string, string>> = {
  java: `2024-05-01 10:00:00 ERROR [main] c.e.Shop - cannot pay order 7
|java.lang.IllegalStateException: no such account
|    with a second line of its message
|	at com.example.shop.Payment.pay(Payment.java:42)
|	at com.example.shop.Shop$$Lambda/0x0001.run(Unknown Source)
|	Suppressed: java.io.IOException: closed
|		at com.example.shop.Db.close(Db.java:7)
|		... 3 more
|Caused by: java.sql.SQLException: connection refused
|	at org.postgresql.Driver.connect(Driver.java:1)
|	... 12 common frames omitted
2024-05-01 10:00:01 INFO [main] c.e.Shop - next order
Exception in thread "main" java.lang.NullPointerException: Cannot invoke "String.length()"
|	at Main.main(Main.java:3)
2024-05-01 10:00:02 INFO [main] c.e.Shop - connection at 10.0.0.1 closed
    indented, but no trace before it`,
  python: `ERROR:root:cannot pay
|Traceback (most recent call last):
|  File "/app/shop.py", line 7, in pay
|    account = accounts[order.account]
|              ~~~~~~~~^^^^^^^^^^^^^^^
|KeyError: 'a7'
|
|During handling of the above exception, another exception occurred:
|
|Traceback (most recent call last):
|  File "/app/shop.py", line 9, in pay
|    raise PaymentError(order) from None
|shop.errors.PaymentError: order 7
INFO:root:next order
Traceback (most recent call last):
|  File "x.py", line 1, in <module>
|ZeroDivisionError
INFO root: done`,
  go: `2024/05/01 10:00:00 http: panic serving 10.0.0.1:5000: runtime error: index out of range [3] with length 3
|goroutine 18 [running]:
|net/http.(*conn).serve.func1()
|	/usr/local/go/src/net/http/server.go:1868 +0xb9
|panic({0x654c60?, 0xc000014108?})
|	/usr/local/go/src/runtime/panic.go:920 +0x270
|main.(*Shop).Pay(...)
|	/app/shop.go:42
|created by net/http.(*Server).Serve in goroutine 1
|	/usr/local/go/src/net/http/server.go:3086 +0x5cb
2024/05/01 10:00:01 next order
panic: runtime error: invalid memory address or nil pointer dereference
|[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47f2a5]
|
|goroutine 1 [running]:
|main.main()
|	/app/main.go:9 +0x25
|exit status 2
2024/05/01 10:00:02 started`,
}

for (const [language, text] of Object.entries(TRACES)) {
  t.test(`traces of ${language} are judged by the line before them`, async t => {
    const lines = text.split('\n')
    const plain = lines.map(line => line.replace(/^\|/, ''))
    const heads = lines.filter(line => !line.startsWith('|'))
    const together = subject()
    const { verdicts } = await together.judge(plain)
    t.strictSame(
      verdicts.map(({ continuation }, i) => [plain[i], continuation === true]),
      lines.map((line, i) => [plain[i], line.startsWith('|')]),
    )
    t.strictSame(together.inner.lines, heads)
    // The same, however it is cut.
    const apart = subject()
    for (const line of plain) await apart.judge([line])
    t.strictSame(apart.inner.lines, heads)
  })
}

t.test('lines that go on have no anomaly of their own, but how the event stands', async t => {
  const { judge } = subject()
  const { verdicts } = await judge(['an odd thing happened', '\tat a.b.C.d(C.java:1)'])
  t.match(verdicts[0], { anomaly: true, template: 'an odd thing happened' })
  t.strictSame(verdicts[1], {
    status: 'scored',
    anomaly: false,
    score: 1,
    severity: 'low',
    session: 's',
    continuation: true,
  })
})

const cri = (flag: string, text: string, output = 'stdout') =>
  `2024-05-01T10:00:00.123456789Z ${output} ${flag} ${text}`

const PIECES: readonly (readonly [
  name: string,
  records: (string | Record<string, unknown>)[],
  judged: string[],
])[] = [
  [
    'raw CRI lines',
    [cri('P', 'one '), cri('P', 'two '), cri('F', 'three'), cri('F', 'four')],
    [cri('F', 'one two three'), cri('F', 'four')],
  ],
  [
    'raw CRI lines of two outputs',
    [cri('P', 'out '), cri('P', 'err ', 'stderr'), cri('F', 'out'), cri('F', 'err', 'stderr')],
    [cri('F', 'out out'), cri('F', 'err err', 'stderr')],
  ],
  [
    "Fluent Bit's CRI parser",
    [
      { message: 'one ', logtag: 'P', stream: 'stdout' },
      { message: 'other', logtag: 'F', stream: 'stderr' },
      { message: 'two', logtag: 'F', stream: 'stdout' },
    ],
    ['other', 'one two'],
  ],
  [
    "Fluentd's docker driver",
    [
      { message: 'one ', partial_message: 'true', partial_last: 'false' },
      { message: 'two', partial_message: 'true', partial_last: 'true' },
      { message: 'three' },
    ],
    ['one two', 'three'],
  ],
  [
    "Vector's mark",
    [
      { message: 'one ', _partial: true },
      { message: 'two', _partial: false },
    ],
    ['one two'],
  ],
  [
    'raw Docker lines',
    [
      '{"log":"one ","stream":"stdout","time":"t"}',
      '{"log":"two\\n","stream":"stdout","time":"t"}',
      '{"log":"three\\n","stream":"stdout"}',
    ],
    ['{"log":"one two\\n","stream":"stdout","time":"t"}', '{"log":"three\\n","stream":"stdout"}'],
  ],
  ['Docker lines in a field', ['whole\n', 'one ', 'two\n'], ['whole\n', 'one two']],
  ['lines that never have newlines', ['one', 'two'], ['one', 'two']],
  ['a broken Docker line', ['{"log":"one', '{"log":7}'], ['{"log":"one', '{"log":7}']],
]

for (const [name, records, judged] of PIECES) {
  t.test(`pieces are put together: ${name}`, async t => {
    const together = subject()
    const { verdicts } = await together.judge(records)
    t.strictSame(together.inner.lines, judged)
    t.equal(verdicts.length, records.length)
    const apart = subject()
    const answers = records.map(record => apart.judge([record]))
    await Promise.all(answers)
    t.strictSame(apart.inner.lines, judged)
    const off = subject({ partial: false, traces: [] })
    await off.judge(records)
    t.equal(off.inner.lines.length, records.length)
  })
}

t.test('a verdict waits for the pieces that come later, and theirs is that of the line', async t => {
  const { judge, inner } = subject()
  let isJudged = false
  const first = judge([cri('F', 'before'), cri('P', 'an odd ')]).finally(() => {
    isJudged = true
  })
  await new Promise(resolve => setImmediate(resolve))
  t.equal(isJudged, false)
  const second = await judge([cri('F', 'line'), cri('F', 'after')])
  const { verdicts } = await first
  t.match(verdicts[1], { anomaly: true, template: cri('F', 'an odd line') })
  t.match(second.verdicts, [{ continuation: true, anomaly: false }, { template: cri('F', 'after') }])
  t.strictSame(inner.lines, [cri('F', 'before'), cri('F', 'an odd line'), cri('F', 'after')])
})

t.test('pieces whose last one never comes are judged after the timeout', async t => {
  const { judge, inner, clock } = subject({ timeoutMs: 20 })
  const waiting = judge([cri('P', 'lost')])
  clock.ms = 20
  const { verdicts } = await waiting
  t.strictSame(inner.lines, [cri('P', 'lost')])
  t.match(verdicts, [{ status: 'scored' }])
  // What comes after all belongs to it.
  t.match((await judge([cri('F', 'late')])).verdicts, [{ continuation: true }])
  t.match((await judge([cri('F', 'next')])).verdicts, [{ template: cri('F', 'next') }])
})

t.test('whoever stops waits for nothing', async t => {
  const { judge, joiner, inner } = subject({ timeoutMs: 60_000 })
  const waiting = judge([cri('P', 'one')])
  joiner.hurry()
  await waiting
  await judge([cri('P', 'two')], 'raw.b')
  t.strictSame(inner.lines, [cri('P', 'one'), cri('P', 'two')])
})

t.test('a failure reaches everybody who waits', async t => {
  const { judge, inner } = subject()
  const first = judge([cri('P', 'one')])
  inner.failure = new Error('scorer gone')
  await t.rejects(judge([cri('F', 'two')]), /scorer gone/)
  await t.rejects(first, /scorer gone/)
  inner.failure = undefined
  // Its event has no verdict to share.
  const { verdicts } = await judge([cri('F', '\tat a.b.C.d(C.java:1)')])
  t.match(verdicts, [{ status: 'scored', continuation: undefined }])
})

t.test('bounds: lines of an event, length of a line, silence, programs remembered', async t => {
  const frame = '\tat a.b.C.d(C.java:1)'
  const lines = subject({ maxLines: 3 })
  await lines.judge(['head', frame, frame, frame, frame])
  t.strictSame(lines.inner.lines, ['head', frame], 'the fourth begins another')
  const length = subject({ maxLength: 6 })
  await length.judge([cri('P', 'abcd'), cri('P', 'efgh'), cri('F', 'ijkl')])
  t.strictSame(length.inner.lines, [cri('F', 'abcdef')])
  const silence = subject()
  await silence.judge(['head'])
  silence.clock.ms = 30_001
  await silence.judge([frame])
  t.strictSame(silence.inner.lines, ['head', frame])
  const programs = subject({ maxStreams: 2 })
  for (const tag of ['a', 'b', 'c', 'a']) await programs.judge([tag === 'a' ? 'head' : 'x'], tag)
  t.equal((await programs.judge([frame], 'b')).verdicts[0]!.continuation, undefined, 'forgotten')
  t.equal((await programs.judge([frame], 'a')).verdicts[0]!.continuation, true)
})

t.test('programs are told apart by tag and fields', async t => {
  const { judge, inner } = subject()
  const pod = (name: string, message: string) => ({ message, kubernetes: { pod_name: name } })
  await judge([
    pod('a', 'head a'),
    pod('b', 'head b'),
    pod('a', '\tat a.A.a(A.java:1)'),
    pod('c', '\tat c.C.c(C.java:1)'),
  ])
  await judge(['\tat a.A.a(A.java:1)'], 'raw.other')
  t.strictSame(inner.lines, ['head a', 'head b', '\tat c.C.c(C.java:1)', '\tat a.A.a(A.java:1)'])
})

t.test('fields that are missing do not make one program of two', async t => {
  const { judge, inner } = subject()
  await judge([
    { message: 'head', stream: 'a' },
    { message: '\tat a.A.a(A.java:1)', file: 'a' },
  ])
  t.equal(inner.lines.length, 2)
})

t.test('lines of one host do not go on with those of another', async t => {
  const { judge, inner } = subject()
  await judge([
    { message: 'head', host: 'one' },
    { message: '\tat a.A.a(A.java:1)', host: 'two' },
  ])
  t.equal(inner.lines.length, 2)
})

t.test('partitions are told apart, and forgotten when another replica takes them', async t => {
  const { judge, inner, joiner } = subject()
  const frame = '\tat a.A.a(A.java:1)'
  const from = (partition: number, line: string) => judge([line], 'kafka.logs', `kafka logs/${partition}`)
  await from(1, 'head of 1')
  await from(11, 'head of 11')
  await from(2, frame)
  t.strictSame(inner.lines, ['head of 1', 'head of 11', frame], 'nothing of 2 came before')
  t.match(await from(1, frame), { verdicts: [{ continuation: true }] })
  joiner.release('kafka logs/1')
  t.match(await from(1, frame), { verdicts: [{ continuation: undefined }] }, 'others may have come between')
  t.match(await from(11, frame), { verdicts: [{ continuation: true }] }, 'only those of its own')
})

t.test('a pattern of ones own says where events begin', async t => {
  const { judge, inner } = subject({ start: '^\\d{4}-' })
  await judge(['2024-05-01 a', 'b', '  c', '2024-05-01 d'])
  t.strictSame(inner.lines, ['2024-05-01 a', '2024-05-01 d'])
})

t.test('records without a line are judged for themselves', async t => {
  const { joiner, inner } = subject()
  const { verdicts } = await joiner.judge([{ line: undefined, timeMs: 0 }])
  t.equal(verdicts.length, 1)
  t.strictSame(inner.lines, [undefined])
})

t.test('hostile lines take no time', async t => {
  const { judge } = subject()
  const started = performance.now()
  await judge([
    'a.'.repeat(1e6),
    `${' '.repeat(1e6)}x`,
    `goroutine 1 [${'x'.repeat(1e6)}`,
    `${'('.repeat(1e6)})`,
    `2024-05-01T${'1'.repeat(1e6)}`,
    `{"log":"${'\\"'.repeat(1e5)}`,
  ])
  t.ok(performance.now() - started < 1000)
})
