import { readdir, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { logneo, logneoEach } from '../fixtures/plugin/cli.js'
import { grammarLog, logLine } from '../fixtures/plugin/small-model.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'

const objects = (text: string) =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Record<string, unknown>)

const dir = t.testdir({
  'normal.log': `${grammarLog(1, 250).join('\n')}\n`,
  'rows.csv': grammarSessions(1, 60)
    .map(({ keys }, i) => `${i},0,${keys.join(' ')}\n`)
    .join(''),
  'bad.csv': 'x,1,read read write\ny,1,close\n',
  'header.csv': 'id,label,keys\n',
  empty: '',
  'other.log': 'a b c\n',
})
const path = (name: string) => join(dir, name)

const trained = await logneo([
  ...['train', '--input', path('normal.log'), '--session-regex', 'req=(\\w+)', '--session-end', ' close '],
  ...['--format', 'raw', '--epochs', '15', '--out', path('model')],
])
const sequences = await logneo([
  'train',
  '--sequences',
  path('rows.csv'),
  '--epochs',
  '1',
  '--out',
  path('seqs'),
  '--no-report',
])

t.test('train says on stderr what it did, and nothing on stdout', async t => {
  for (const { code, stdout, stderr } of [trained, sequences]) {
    t.equal(code, 0, stderr)
    t.equal(stdout, '')
    t.match(stderr, /trained on .* sessions/)
    t.match(stderr, /model \w{12} written to/)
  }
  t.match(trained.stderr, /250 sessions .*250 of them taken as ended/)
})

t.test('train writes a report and says where, unless told not to', async t => {
  t.match(trained.stderr, /report: .*model\/report\.html/)
  const report = await readFile(path('model/report.html'), 'utf8')
  t.match(report, /<h1>LogNEO model \w{12}<\/h1>/)
  t.match(report, /connection accepted from peer/)
  t.match(report, /<b><bdi>s1x\d+<\/bdi><\/b>/, 'sessions have the names the log gives them')
  t.notMatch(sequences.stderr, /report:/)
  t.notOk((await readdir(path('seqs'))).includes('report.html'))
})

t.test('train says what looks odd about its input', async t => {
  t.match(sequences.stderr, /note: 60 validation sessions cannot tell how rare 1 in 50 is/)
})

t.test('help of every command is on stdout and succeeds', async t => {
  const commands = [[], ['train'], ['score'], ['evaluate'], ['parse'], ['run'], ['demo']]
  const runs = await logneoEach(commands.map(command => [...command, '--help']))
  for (const { code, stdout, stderr } of runs) {
    t.equal(code, 0)
    t.match(stdout, /Usage: logneo/)
    t.equal(stderr, '')
  }
})

/** One sentence for people: no stack, no code of ours. */
const isPlain = (text: string) => !/\n\s+at |node:internal|undefined|\[object/.test(text)

t.test('what goes wrong ends with 1, wrong usage with 2, both with a sentence on stderr', async t => {
  const model = ['--model', path('model')]
  const cases: [args: string[], code: number, message: RegExp][] = [
    [['score', ...model, '--input', path('none.log')], 1, /cannot read .*none\.log/],
    [['parse', '--input', path('none.log')], 1, /cannot read .*none\.log/],
    [['train', '--input', path('none.log'), '--out', path('x')], 1, /cannot read .*none\.log/],
    [['train', '--input', path('empty'), '--out', path('x')], 1, /there are no lines in .*empty/],
    [['train', '--input', path('other.log'), '--session-regex', 'id=(', '--out', path('x')], 2, /id=\(/],
    [['train', '--sequences', path('header.csv'), '--out', path('x')], 1, /header\.csv:1 is not a row/],
    [
      ['train', '--sequences', path('bad.csv'), '--out', path('x')],
      2,
      /2 rows are labelled 1.*--allow-labels/,
    ],
    [['train', '--out', path('x')], 2, /--input FILE.*--sequences FILE/],
    [['train', '--input', path('other.log')], 2, /--out/],
    [['train', '--input', path('other.log'), '--out', path('x'), '--epochs', '0'], 2, /integer >= 1/],
    [['train', '--input', path('other.log'), '--out', path('x'), '--preset', 'huge'], 2, /nano/],
    [
      ['train', '--input', path('other.log'), '--out', path('x'), '--step', '5'],
      2,
      /--step goes with --window/,
    ],
    [
      ['train', '--input', path('other.log'), '--out', path('x'), '--window', '5', '--step', '9'],
      2,
      /must not be longer/,
    ],
    [['score', ...model, '--input', path('other.log'), '--false-alarm-rate', '2'], 2, /below 1/],
    [['score', ...model, '--input', path('other.log'), '--detectors', 'luck'], 2, /next-key/],
    [['score', ...model, '--input', path('other.log'), '--top-k', 'x'], 2, /--top-k/],
    [
      ['score', '--model', path('nothing'), '--input', path('other.log')],
      1,
      /no model bundle at .*logneo train/,
    ],
    [
      ['score', '--model', path('seqs'), '--input', path('other.log')],
      1,
      /trained on key sequences.*--input/,
    ],
    [
      ['evaluate', ...model, '--normal', path('empty'), '--abnormal', path('bad.csv')],
      2,
      /at least one normal/,
    ],
    [['parse', '--input', path('other.log'), '--mask', 'nonsense'], 2, /--mask must be/],
    [['parse', '--input', path('other.log'), '--format', '<Date'], 2, /format/i],
    [['fly'], 2, /unknown command/],
    [['score', '--wings'], 2, /unknown option|required option/],
  ]
  t.match(await logneo(['fly']), { code: 2, stdout: '' }, 'the process itself')
  const runs = await logneoEach(cases.map(([args]) => args))
  runs.forEach(({ code, stdout, stderr }, i) => {
    const [args, expected, message] = cases[i]!
    const what = args.join(' ').replaceAll(dir, '')
    t.equal(code, expected, `${what}: ${stderr}`)
    t.equal(stdout, '', what)
    t.match(stderr, message, what)
    t.ok(isPlain(stderr), `${what}: ${stderr}`)
  })
})

t.test('parse gives one object a line, in order, whatever ends the lines', async t => {
  const lines = ['user 1 logged in', 'disk full', '', 'user 2 logged in']
  const [unix, dos] = await Promise.all(
    ['\n', '\r\n'].map(end =>
      logneo(['parse', '--format', 'raw', '--input', '-'], { input: lines.join(end) }),
    ),
  )
  t.equal(unix!.code, 0)
  t.equal(dos!.stdout, unix!.stdout)
  const rows = objects(unix!.stdout)
  t.equal(rows.length, 4)
  t.equal(rows[3]!.template_id, rows[0]!.template_id)
  t.match(rows[3]!.template, /^user <.*> logged in$/)
  t.match(JSON.stringify(rows[3]!.parameters), /2/)
})

const START = Date.UTC(2024, 5, 1)
const kinds = ['open', 'read', 'check', 'close']
const clean = kinds.map((kind, i) => logLine(START + i * 1000, 'good', kind, 40 + i))
const strange = ['open', 'write', 'explode', 'close'].map((kind, i) =>
  logLine(START + (4 + i) * 1000, 'bad', kind, i),
)
const unfinished = logLine(START + 9000, 'late', 'open', 1)
const stream = [...clean, 'a line of nobody', ...strange, unfinished].join('\n')

t.test('score gives one object a line, in order, and summaries where sessions close', async t => {
  const { code, stdout, stderr } = await logneo(['score', '--model', path('model'), '--input', '-'], {
    input: stream,
  })
  t.equal(code, 0, stderr)
  const all = objects(stdout) as { message?: string; logneo: Record<string, unknown> }[]
  t.same(
    all.filter(({ message }) => message !== undefined).map(({ message }) => message),
    stream.split('\n'),
  )
  t.match(all[0], { logneo: { status: 'scored', anomaly: false, session: 'good', severity: 'none' } })
  t.match(all[0]!.logneo.template, /open connection accepted from peer/)
  t.match(all[4], {
    logneo: { kind: 'session', session: 'good', anomaly: false, events: 4, closed: 'end', open: false },
  })
  t.match(all[5], { message: 'a line of nobody', logneo: { status: 'unscored' } })
  const flagged = all.find(({ message }) => message?.includes('explode'))
  t.match(flagged, {
    logneo: {
      anomaly: true,
      reasons: ['key-set', 'unseen-key', 'parameter'],
      message: /instead came a kind of line not seen in training/,
    },
  })
  t.ok((flagged!.logneo.expected as unknown[]).length > 0)
  t.match(
    all.find(({ logneo }) => logneo.kind === 'session' && logneo.session === 'bad'),
    { logneo: { anomaly: true, events: 4 } },
  )
  t.match(all.at(-1), { logneo: { kind: 'session', session: 'late', open: true, closed: 'open' } })
  const numbers = all.map(({ logneo }) => logneo.score).filter(score => score !== undefined) as number[]
  t.ok(numbers.every(score => score >= 0 && score <= 12))
})

t.test('--complete judges the ends of sessions still open', async t => {
  const { stdout } = await logneo(
    ['score', '--model', path('model'), '--input', '-', '--complete', '--false-alarm-rate', '0.02'],
    { input: stream },
  )
  t.match(objects(stdout).at(-1), {
    logneo: {
      session: 'late',
      anomaly: true,
      reasons: ['key-set', 'session-end'],
      closed: 'complete',
      message: /instead the session ended/,
    },
  })
})

t.test('--explain prints what was flagged, with the lines before it', async t => {
  const { code, stdout } = await logneo(['score', '--model', path('model'), '--input', '-', '--explain'], {
    input: stream,
  })
  t.equal(code, 0)
  t.match(stdout, /session bad {2}\(.*unseen-key.*\)/)
  t.match(stdout, /write received .*\n {2}> .*explode/)
  t.notMatch(stdout, /session good/)
})

t.test('a damaged model is refused with one sentence', async t => {
  const weights = path('seqs/weights.safetensors')
  await truncate(weights, (await readFile(weights)).length - 4)
  const { code, stdout, stderr } = await logneo([
    'evaluate',
    '--model',
    path('seqs'),
    '--normal',
    path('rows.csv'),
    '--abnormal',
    path('bad.csv'),
  ])
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /is damaged: weights\.safetensors has .* bytes.*train again\n$/)
  t.ok(isPlain(stderr))
})
