import t from 'tap'
import { type LogOptions, makeLogger } from '../../plugin/log.js'

function logged(
  options: Omit<LogOptions, 'to'>,
  write: (log: ReturnType<typeof makeLogger>) => void,
): string[] {
  const lines: string[] = []
  write(makeLogger({ ...options, to: { write: line => lines.push(line) } }))
  return lines
}

t.test('machines get JSON, from the level on', async t => {
  const lines = logged({ level: 'warn', isReadable: false }, log => {
    log.info('not shown')
    log.warn({ port: 5 }, 'shown')
  })
  t.equal(lines.length, 1)
  const { time, ...rest } = JSON.parse(lines[0]!)
  t.strictSame(rest, { level: 'warn', name: 'logneo', port: 5, msg: 'shown' })
  t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

t.test('people get one line a message', async t => {
  const lines = logged({ level: 'info', isReadable: true }, log => {
    log.info('listening')
    log.error({ address: '127.0.0.1:5', reason: 'two words', n: 3 }, 'failed')
  })
  t.match(lines[0], /^\d\d:\d\d:\d\d\.\d{3} INFO {2}listening\n$/)
  t.match(lines[1], /^\S+ ERROR failed address=127\.0\.0\.1:5 reason="two words" n=3\n$/)
})

t.test('text from records cannot steer the terminal or make lines of its own', async t => {
  const [line] = logged({ level: 'info', isReadable: true }, log =>
    log.info({ key: '\u202e\nx' }, 'a\x1b[2Jb\nc\u009bd'),
  )
  t.match(line, / a\\u001b\[2Jb\\u000ac\\u009bd key="\\u202e\\nx"\n$/)
})

t.test('secrets are hidden at any usual depth', async t => {
  const [line] = logged({ level: 'info', isReadable: false }, log =>
    log.info(
      { password: 'hunter2', input: { shared_key: 'hunter2', tls: { secret: 'hunter2' } } },
      'options',
    ),
  )
  t.notMatch(line, /hunter2/)
  t.match(line, /"password":"\[hidden\]"/)
})
