import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { DrainConfigError, detectFormat, HeaderFormat, LAYOUT_NAMES } from '../../drain/index.js'

const REFERENCE = { referenceTimeMs: Date.UTC(2024, 6, 1) }

/** Layout, line, content, time, level. */
const LINES: readonly (readonly [string, string, string, string | undefined, string | undefined])[] = [
  [
    'hdfs',
    '081109 203530 147 INFO dfs.Data$X: Receiving block',
    'Receiving block',
    '2008-11-09T20:35:30.000Z',
    'INFO',
  ],
  [
    'bgl',
    '- 1117838570 2005.06.03 R02-M1 2005-06-03-15.42.50.363779 R02-M1 RAS KERNEL INFO cache error',
    'cache error',
    '2005-06-03T22:42:50.000Z',
    'INFO',
  ],
  [
    'thunderbird',
    '- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond(pam_unix)[2915]: session closed',
    'session closed',
    '2005-11-09T20:01:01.000Z',
    undefined,
  ],
  [
    'hadoop',
    '2015-10-18 18:01:47,978 INFO [IPC Server handler 9 on 62270] org.x.Y: Created it',
    'Created it',
    '2015-10-18T18:01:47.978Z',
    'INFO',
  ],
  [
    'zookeeper',
    '2015-07-29 17:41:44,747 - INFO  [QuorumPeer[myid=1]/0:0:0:2181:Fast@774] - Notification time out: 3200',
    'Notification time out: 3200',
    '2015-07-29T17:41:44.747Z',
    'INFO',
  ],
  [
    'spark',
    '17/06/09 20:10:40 INFO executor.Backend: Registered',
    'Registered',
    '2017-06-09T20:10:40.000Z',
    'INFO',
  ],
  [
    'syslog',
    'Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass',
    'check pass',
    '2024-06-14T15:16:01.000Z',
    undefined,
  ],
  ['syslog', '<13>Jun  4 15:16:01 combo kernel: a: b', 'a: b', '2024-06-04T15:16:01.000Z', undefined],
  ['syslog', 'Jun 14 15:16:01 combo -- MARK --', '-- MARK --', '2024-06-14T15:16:01.000Z', undefined],
  [
    'syslog5424',
    '<34>1 2003-10-11T22:14:15.003Z h su - ID47 [a@1 b="c\\"]"][d] su failed',
    'su failed',
    '2003-10-11T22:14:15.003Z',
    'crit',
  ],
  [
    'apache',
    '[Sun Dec 04 04:47:44 2005] [error] mod_jk child 6',
    'mod_jk child 6',
    '2005-12-04T04:47:44.000Z',
    'error',
  ],
  [
    'openstack',
    'nova-api.log 2017-05-16 00:00:00.008 25746 INFO nova.osapi [req-1 - - -] GET done',
    'GET done',
    '2017-05-16T00:00:00.008Z',
    'INFO',
  ],
  [
    'postgresql',
    '2024-05-01 10:00:00.123 CET [6631.1a] bob@app ERROR:  relation "x" does not exist',
    'relation "x" does not exist',
    '2024-05-01T09:00:00.123Z',
    'ERROR',
  ],
  ['postgresql', '2024-05-01 10:00:00 UTC [12] LOG:  ready', 'ready', '2024-05-01T10:00:00.000Z', 'LOG'],
  [
    'cri',
    '2016-10-06T00:17:09.669794202Z stdout F The content',
    'The content',
    '2016-10-06T00:17:09.669Z',
    undefined,
  ],
  ['json', '{"time":1714557600123,"level":30,"msg":"hello"}', 'hello', '2024-05-01T10:00:00.123Z', 'info'],
  ['json', '{"log":"x\\n","@timestamp":"2024-05-01T10:00:00Z"}', 'x', '2024-05-01T10:00:00.000Z', undefined],
  [
    'iso',
    '2024-05-01T10:00:00.5+02:00 [main] WARN  com.foo - hot',
    'hot',
    '2024-05-01T08:00:00.500Z',
    'WARN',
  ],
  ['iso', '2024-05-01 10:00:00,123 - name - ERROR - bad', 'bad', '2024-05-01T10:00:00.123Z', 'ERROR'],
  ['iso', '2024-05-01T10:00:00Z INFO [m 1] a.b.C - x - y', 'x - y', '2024-05-01T10:00:00.000Z', 'INFO'],
  ['iso', '2024-05-01T10:00:00Z INFO [core] up - now', '[core] up - now', '2024-05-01T10:00:00.000Z', 'INFO'],
  ['iso', '[2024-05-01 10:00:00] info: boo', 'boo', '2024-05-01T10:00:00.000Z', 'info'],
  [
    'iso',
    '2024-05-01T10:00:00Z an error happened',
    'an error happened',
    '2024-05-01T10:00:00.000Z',
    undefined,
  ],
  ['iso', '2024-05-01T10:00:00Z host sshd[3]: hi', 'hi', '2024-05-01T10:00:00.000Z', undefined],
  [
    'android',
    '03-17 16:13:38.811  1702  2395 D WindowManager: printFreezing',
    'printFreezing',
    '2024-03-17T16:13:38.811Z',
    'D',
  ],
  [
    'healthapp',
    '20171223-22:15:29:606|Step_LSC|30002312|onStand 3579',
    'onStand 3579',
    '2017-12-23T22:15:29.606Z',
    undefined,
  ],
  [
    'proxifier',
    '[10.30 16:49:06] chrome.exe - proxy close',
    'proxy close',
    '2023-10-30T16:49:06.000Z',
    undefined,
  ],
  [
    'hpc',
    '134681 node-246 unix.hw state 1077804742 1 Component bad',
    'Component bad',
    '2004-02-26T14:12:22.000Z',
    undefined,
  ],
  [
    'windows',
    '2016-09-28 04:30:30, Info                  CBS    Loaded it',
    'Loaded it',
    '2016-09-28T04:30:30.000Z',
    'Info',
  ],
]

t.test('each layout reads content, time and level, and is recognised', async t => {
  for (const [name, line, content, time, level] of LINES) {
    const parsed = HeaderFormat.parse(name, REFERENCE).parse(`${line}\r`)
    t.equal(parsed.content, content, name)
    t.equal(parsed.timeMs === undefined ? undefined : new Date(parsed.timeMs).toISOString(), time, name)
    t.equal(parsed.level, level, name)
    t.equal(parsed.hasHeader, true)
    t.match(detectFormat([line], REFERENCE), { name, confidence: 1 })
  }
})

t.test('messages without a header are left alone', async t => {
  const contents = LINES.map(([, , content]) => content).filter(content => content !== 'hello')
  for (const content of contents) t.match(detectFormat([content]), { name: 'raw', confidence: 1 }, content)
  const prose = [
    '10.250.18.114:50010 Served block blk_6',
    'INFO: all well',
    '4 out of 5 done',
    '[client 1.2.3.4] no',
  ]
  t.match(detectFormat(prose), { name: 'raw' })
  t.match(detectFormat([]), { name: 'raw' })
})

t.test('a line that does not fit is all content', async t => {
  const format = HeaderFormat.parse('hdfs')
  for (const line of [
    '\tat org.x.Y(Y.java:3)',
    '',
    'Caused by: 1 2 INFO x: y',
    '081109 203530 x INFO a: b',
  ]) {
    t.same(format.parse(line), { content: line, contentStart: 0, hasHeader: false, fields: {} })
  }
  t.equal(detectFormat([LINES[0]![1], '\tat a', LINES[0]![1]]).name, 'hdfs', 'few of them do not disturb')
})

t.test('fields and record', async t => {
  const pg = HeaderFormat.parse('postgresql').parse('2024-05-01 10:00:00 UTC [66.1a] bob@app LOG:  x')
  t.same(pg.fields, { Id: '66.1a', User: 'bob', Database: 'app' })
  const own = HeaderFormat.parse('<Date> <Time> \\[<Thread>\\] <Level> <Component>(\\[<PID>\\])?: <Content>')
  const line = '2024-05-01  10:00:00 [t 1]  WARN a.b[7]:   hot'
  t.match(own.parse(line), {
    content: 'hot',
    contentStart: line.indexOf('hot'),
    level: 'WARN',
    fields: { Thread: 't 1', Component: 'a.b', PID: '7' },
  })
  t.equal(own.parse('2024-05-01 10:00:00 [t] WARN a.b: hot').fields.PID, undefined)
  t.match(HeaderFormat.parse('json').parse('{"msg":"a","n":1}'), { record: { n: 1 }, contentStart: -1 })
  t.equal(HeaderFormat.parse('json').parse('{"n":1}').hasHeader, false, 'no message')
  t.equal(HeaderFormat.parse('json').parse('{"msg":').hasHeader, false, 'no JSON')
})

t.test('reading one line after another leaves nothing of the one before', async t => {
  const format = HeaderFormat.parse('postgresql')
  format.read('2024-05-01 10:00:00 UTC [66.1a] bob@app LOG:  x')
  t.equal(format.slots.level, 'LOG')
  t.notOk(format.read('no header'))
  t.match(format.slots, { level: undefined, contentStart: 0, timeMs: Number.NaN })
})

t.test('time stamps without a year roll over', async t => {
  const format = HeaderFormat.parse('syslog', { referenceTimeMs: Date.UTC(2024, 0, 2) })
  const year = (line: string) => new Date(format.parse(`${line} h t: x`).timeMs!).getUTCFullYear()
  t.equal(year('Dec 30 10:00:00'), 2023)
  t.equal(year('Dec 31 23:59:59'), 2023)
  t.equal(year('Jan  1 00:00:01'), 2024)
  t.equal(year('Dec 31 23:59:58'), 2023, 'late lines too')
  t.equal(year('Feb 29 00:00:01'), 2024)
})

t.test('a notation that cannot be read is refused with a reason', async t => {
  const bad = [
    'nonsense',
    '<A> <B>',
    '<A><B> <Content>',
    '<A><Content>',
    '<A> <A> <Content>',
    `<A>${' '.repeat(2_000)}<Content>`,
  ]
  for (const notation of bad) {
    t.throws(() => HeaderFormat.parse(notation), { code: 'ERR_DRAIN_CONFIG' }, notation.slice(0, 30))
  }
  t.ok(new DrainConfigError(['x']).message)
})

t.test('no line makes any layout throw, and content is a tail of the line', async t => {
  const formats = [...LAYOUT_NAMES, 'raw', '<Date> <Time>(\\[<X>\\])? <Level>: <Content>'].map(name =>
    HeaderFormat.parse(name, REFERENCE),
  )
  const piece = fc.oneof(
    fc.constantFrom(...LINES.flatMap(([, line]) => line.split(/(?<=[ :\]])/))),
    fc.string({ maxLength: 6 }),
  )
  const property = fc.property(fc.array(piece, { maxLength: 14 }), pieces => {
    const line = pieces.join('')
    for (const format of formats) {
      const { content, contentStart } = format.parse(line)
      if (contentStart >= 0) assert.equal(line.slice(contentStart).replace(/\r$/, ''), content)
    }
  })
  fc.assert(property, { seed: 42, numRuns: 2_000 })
  t.pass('for all lines')
})

t.test('long lines cost no more than their header', async t => {
  const long = ' '.repeat(10) + 'a '.repeat(5_000_000)
  for (const name of LAYOUT_NAMES) {
    t.equal(HeaderFormat.parse(name).read(long), false)
    t.equal(HeaderFormat.parse(name).read('['.repeat(1_000_000)), false)
  }
})
