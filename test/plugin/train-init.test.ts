import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { grammarSessions } from '../fixtures/scorer/grammar.js'
import { REFERENCE_DIR } from '../fixtures/scorer/reference.js'

const MAIN = resolve(fileURLToPath(import.meta.url), '../../../plugin/cli/main.js')

const rows = grammarSessions(1, 30).map(({ keys }, i) => `${i},0,${keys.join(' ')}\n`)
const dir = t.testdir({ 'rows.csv': rows.join('') })
const out = join(dir, 'model')

/** Runs `logneo train` with one epoch on the rows. */
function train(...args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const common = ['train', '--sequences', join(dir, 'rows.csv'), '--epochs', '1', '--out', out]
  return new Promise(done => {
    execFile(process.execPath, [MAIN, ...common, ...args], (error, _, stderr) =>
      done({ code: error === null ? 0 : Number(error.code), stderr }),
    )
  })
}

t.test('a checkpoint that cannot be used is refused before anything is read or written', async t => {
  const [contradiction, missing] = await Promise.all([
    train('--init', join(REFERENCE_DIR, 'float32'), '--preset', 'nano'),
    train('--init', join(dir, 'nowhere')),
  ])
  t.equal(contradiction.code, 2)
  t.match(
    contradiction.stderr,
    /preset nano has hiddenSize 64, and the checkpoint in .*float32 has 16; leave/,
  )
  t.equal(missing.code, 1)
  t.match(missing.stderr, /^logneo: cannot read .*nowhere.config\.json: ENOENT/)
  t.notOk(existsSync(out))
})

t.test('a model trained from a checkpoint has its shape and names it in the manifest', async t => {
  const { code, stderr } = await train('--init', join(REFERENCE_DIR, 'bfloat16'))
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
