import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { logneo, logneoEach } from '../fixtures/plugin/cli.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'
import { REFERENCE_DIR } from '../fixtures/scorer/reference.js'

const rows = grammarSessions(1, 30).map(({ keys }, i) => `${i},0,${keys.join(' ')}\n`)
const dir = t.testdir({ 'rows.csv': rows.join('') })
const out = join(dir, 'model')

/** `logneo train` with one epoch on the rows. */
const train = (...args: readonly string[]): string[] => [
  ...['train', '--sequences', join(dir, 'rows.csv'), '--epochs', '1', '--out', out],
  ...args,
]

t.test('a checkpoint that cannot be used is refused before anything is read or written', async t => {
  const [contradiction, missing] = await logneoEach([
    train('--init', join(REFERENCE_DIR, 'float32'), '--preset', 'nano'),
    train('--init', join(dir, 'nowhere')),
  ])
  t.match(contradiction, {
    code: 2,
    stderr: /preset nano has hiddenSize 64, and the checkpoint in .*float32 has 16; leave/,
  })
  t.equal(missing!.code, 1)
  t.match(missing!.stderr, /^logneo: cannot read .*nowhere.config\.json: ENOENT/)
  t.notOk(existsSync(out))
})

t.test('a model trained from a checkpoint has its shape and names it in the manifest', async t => {
  const { code, stderr } = await logneo(train('--init', join(REFERENCE_DIR, 'bfloat16')))
  t.equal(code, 0, stderr)
  t.match(stderr, /trained from bfloat16 on 30 sessions/)
  const { model, training } = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'))
  t.match(model, { hiddenSize: 16, numLayers: 4, contextLength: 24, vocabularySize: 10 })
  t.match(training.startedFrom, {
    name: 'bfloat16',
    dtypes: ['BF16'],
    files: [{ name: 'model.safetensors', bytes: 34064, sha256: /^[0-9a-f]{64}$/ }],
  })
})
