import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { MAIN } from '../fixtures/plugin/cli.js'
import { grammarLog, smallModel } from '../fixtures/plugin/small-model.js'

/** `logneo run` on standard input. */
async function startRun(t: Test, config: string, model?: string) {
  const folder = t.testdir()
  if (model !== undefined) await cp(model, join(folder, 'model'), { recursive: true })
  const path = join(folder, 'run.logneo.yaml')
  await writeFile(path, `${config}\noutput: {ndjson: {path: out.ndjson}}\ninput: {stdin: {tag: raw.a}}\n`)
  const child = spawn(process.execPath, [MAIN, 'run', '--config', path], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  return { child, said: listen(child), folder, out: join(folder, 'out.ndjson') }
}

/** Waits for a message on standard error. */
function listen(child: ChildProcess) {
  const lines = createInterface({ input: child.stderr! })
  const seen: string[] = []
  lines.on('line', line => seen.push(line))
  return async (pattern: RegExp): Promise<void> => {
    while (!seen.some(line => pattern.test(line))) await once(lines, 'line')
    seen.length = 0
  }
}

const say = (child: ChildProcess, lines: readonly string[]): void =>
  void child.stdin!.write(lines.map(line => `${line}\n`).join(''))

t.test('SIGHUP reads the model again and no record is lost', async t => {
  const model = await smallModel()
  const { child, said, folder, out } = await startRun(t, 'model: {path: model}\nmetrics: {port: 0}', model)
  await said(/health and metrics/)
  const lines = grammarLog(5, 400)
  say(child, lines.slice(0, 700))
  child.kill('SIGHUP')
  await said(/model \w+ read again/)
  await writeFile(join(folder, 'model', 'manifest.json'), '{}')
  child.kill('SIGHUP')
  await said(/could not be read again, the one before stays: .*damaged/)
  say(child, lines.slice(700))
  child.stdin!.end()
  const [code] = await once(child, 'exit')
  t.equal(code, 0)
  const records = (await readFile(out, 'utf8'))
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  const judged = records.filter(({ logneo }) => logneo.kind === undefined)
  t.strictSame(
    judged.map(({ message }) => message),
    lines,
  )
  t.ok(judged.every(({ logneo }) => logneo.status === 'scored'))
})

t.test('without a model it says that it learns, and records pass', async t => {
  const config = String.raw`model: {path: model}
session: {regex: 'req=(\w+)', end: ' close '}
metrics: {port: 0}`
  const { child, said, out } = await startRun(t, config)
  await said(/no model at .*learning from the stream/)
  const lines = grammarLog(5, 40)
  say(child, lines)
  child.stdin!.end()
  await once(child, 'exit')
  const statuses = (await readFile(out, 'utf8')).match(/"status":"\w+"/g)!
  t.ok(statuses.length >= lines.length && statuses.every(status => status === '"status":"learning"'))
})

t.test('where learning is switched off a missing model is an error', async t => {
  const { child, said } = await startRun(t, 'model: {path: model, learn: {enabled: false}}')
  const ended = once(child, 'exit')
  await said(/no model bundle at .*logneo train/)
  t.equal((await ended)[0], 1)
})
