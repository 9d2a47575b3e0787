import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type TrainCommandOptions, trainCommand } from '../../plugin/cli/train.js'
import { grammarLog } from '../fixtures/plugin/small-model.js'

const dir = t.testdir({
  'normal.log': grammarLog(1, 30).join('\n'),
  'other.log': 'a b c\n',
  'json.log': '{"message":"a","request":{"id":1}}\n{"message":"b","request":{"id":2}}\n',
  empty: '',
})
const path = (name: string) => join(dir, name)

const said: string[] = []
const { write } = process.stderr
process.stderr.write = (text: string | Uint8Array) => said.push(String(text)) > 0
t.teardown(() => {
  process.stderr.write = write
})

const refused = (file: string, options: Partial<TrainCommandOptions> = {}) =>
  trainCommand({ input: [path(file)], out: path('model'), ...options }).then(
    () => '',
    (error: Error) => error.message,
  )

t.test('files that cannot be learnt from are refused in plain words', async t => {
  t.match(await refused('.'), /^cannot read .*: it is a directory; name the files in it$/)
  t.match(await refused('none.log'), /^cannot read .*none\.log: there is no such file$/)
  t.match(await refused('empty'), /^there are no lines in .*empty; give a log/)
})

t.test('a rule that finds no session is shown with a line it should have matched', async t => {
  t.match(
    await refused('normal.log', { sessionRegex: 'id=(\\d+)' }),
    /--session-regex id=\(\\d\+\) matches none of them; the first one is: ".*req=.*"; try the pattern/,
  )
  t.match(
    await refused('json.log', { sessionField: 'user' }),
    /none has the field user; with the format json the first line has the fields message, request;/,
  )
  t.match(
    await refused('other.log', { sessionField: 'user' }),
    /with the format raw the first line has no fields;/,
  )
})

t.test('a rule that finds few sessions is named with what else to try', async t => {
  t.match(
    await refused('normal.log', { sessionRegex: 'req=' }),
    /^1 session \(told apart by req=\) in [\d,]+ lines is too few.*at least 20 .*such as a request id/,
  )
  t.match(
    await refused('other.log', { window: 60, step: 30, sessionRegex: '(a)' }),
    /^\d sessions? \(windows of 60 s, a new one every 30 s, told apart by \(a\)\) in 1 line (is|are) too few.*--window SECONDS/,
  )
})

t.test('nothing is written where training does not begin', async t => {
  t.same((await readdir(dir)).sort(), ['empty', 'json.log', 'normal.log', 'other.log'])
  t.match(said.join(''), /format: json \(recognised/)
})
