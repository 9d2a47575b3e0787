import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { check } from '../../plugin/cli/check.js'
import { parseConfig } from '../../plugin/config.js'
import { RepeatedWarning } from '../../plugin/repeated-warning.js'
import { MAIN } from '../fixtures/plugin/cli.js'
import { grammarLog, otherSmallModel, smallModel } from '../fixtures/plugin/small-model.js'
import { freeAddress } from '../fixtures/sidecar.js'
import { SidecarProcess } from '../fixtures/sidecar-process.js'

const configOf = (sidecar: string, rest = '') => `model: {path: model, sidecar: ${sidecar}${rest}}
input: {stdin: {tag: raw.a}}
output: {ndjson: {path: out.ndjson}}
metrics: {port: 0}
`

/** `logneo run` on standard input, beside its model in a folder. */
async function startRun(t: Test, folder: string, address: string) {
  const path = join(folder, 'run.logneo.yaml')
  await writeFile(path, configOf(`{address: '${address}', retry_max_ms: 100}`))
  const child = spawn(process.execPath, [MAIN, 'run', '--config', path], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  return { child, said: listen(child), out: join(folder, 'out.ndjson') }
}

/** Waits for a message on standard error that was not waited for before. */
function listen(child: ChildProcess) {
  const lines = createInterface({ input: child.stderr! })
  const seen: string[] = []
  lines.on('line', line => seen.push(line))
  return async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const at = seen.findIndex(line => pattern.test(line))
      if (at >= 0) return seen.splice(0, at + 1).at(-1)!
      await once(lines, 'line')
    }
  }
}

const say = (child: ChildProcess, lines: readonly string[]): void =>
  void child.stdin!.write(lines.map(line => `${line}\n`).join(''))

interface Told {
  readonly message?: string
  readonly logneo: { readonly kind?: string; readonly status: string; readonly model?: string }
}

async function recordsIn(path: string): Promise<Told[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const lines = text.split('\n').slice(0, -1)
  return lines.map(line => JSON.parse(line) as Told).filter(({ logneo }) => logneo.kind === undefined)
}

/** Waits until so many records came out. */
async function until(path: string, count: number): Promise<void> {
  while ((await recordsIn(path)).length < count) await new Promise(resolve => setTimeout(resolve, 20))
}

t.test(
  'a run outlives its sidecar: nothing is lost, it recovers, and a new model needs one signal',
  async t => {
    const folder = t.testdir()
    const model = join(folder, 'model')
    await cp(await smallModel(), model, { recursive: true })
    const listen = await freeAddress(t)
    const flags = ['--model', model, '--listen', listen]
    const { child, said, out } = await startRun(t, folder, listen)
    await said(/the sidecar is away.*ENOENT/)
    const url = (await said(/health and metrics on/)).match(/http:[\w:./]+\d/)![0]
    const metrics = async () => (await fetch(`${url}/metrics`)).text()
    t.match(await metrics(), /^logneo_sidecar_ready 0$/m)
    const lines = grammarLog(5, 300)
    const parts = Array.from({ length: 4 }, (_, i) => lines.slice(i * 500, i * 500 + 500))
    // A file's lines travel 500 at a time: each part is one chunk.
    say(child, parts[0]!)
    await until(out, 500)
    const sidecar = await SidecarProcess.start(t, flags)
    await said(/the sidecar answers/)
    t.match(await metrics(), /^logneo_sidecar_ready 1$/m)
    say(child, parts[1]!)
    await until(out, 1000)
    await cp(await otherSmallModel(), model, { recursive: true, force: true })
    sidecar.child.kill('SIGHUP')
    await said(/has another model/)
    await said(/the sidecar answers/)
    say(child, parts[2]!)
    await until(out, 1500)
    await sidecar.end('SIGKILL')
    await said(/the sidecar is away/)
    say(child, parts[3]!)
    child.stdin!.end()
    t.equal((await once(child, 'exit'))[0], 0)
    const records = await recordsIn(out)
    t.strictSame(
      records.map(({ message }) => message),
      lines.slice(0, 2000),
      'no record is lost, and their order is kept',
    )
    const statuses = (i: number) =>
      new Set(records.slice(i * 500, i * 500 + 500).map(({ logneo }) => logneo.status))
    t.ok(statuses(0).has('unscored'))
    t.strictSame([...statuses(1)], ['scored'])
    t.strictSame([...statuses(2)], ['scored'])
    t.not(records[1499]!.logneo.model, records[999]!.logneo.model)
  },
)

t.test('a stage whose folder gets the model of the sidecar later takes it over by itself', async t => {
  const folder = t.testdir()
  const model = join(folder, 'model')
  await cp(await smallModel(), model, { recursive: true })
  const listen = await freeAddress(t)
  await SidecarProcess.start(t, ['--model', await otherSmallModel(), '--listen', listen])
  const { child, said, out } = await startRun(t, folder, listen)
  await said(/has another model/)
  await cp(await otherSmallModel(), model, { recursive: true, force: true })
  await said(/the sidecar answers/)
  const lines = grammarLog(5, 100).slice(0, 500)
  say(child, lines)
  child.stdin!.end()
  t.equal((await once(child, 'exit'))[0], 0)
  const records = await recordsIn(out)
  t.equal(records.length, lines.length)
  t.strictSame([...new Set(records.map(({ logneo }) => logneo.status))], ['scored'])
})

t.test('the config says where the sidecar is', async t => {
  const text = configOf(`{address: 'unix:run/s.sock', timeout_ms: 100, token: '\${TOKEN}'}`)
  t.strictSame(parseConfig(text, { TOKEN: 'a token that is long' }, '/etc/logneo').stage.sidecar, {
    address: 'unix:/etc/logneo/run/s.sock',
    timeoutMs: 100,
    token: 'a token that is long',
  })
  t.equal(parseConfig(configOf("{address: 'tcp:[::1]:9465'}"), {}).stage.sidecar!.address, 'tcp:[::1]:9465')
  t.throws(
    () => parseConfig(configOf("{address: 'here', timeout_ms: 0}", ', provider: cuda, threads: 2'), {}),
    {
      message:
        /address must be unix:PATH[\s\S]*timeout_ms must be[\s\S]*provider has no effect[\s\S]*threads has no effect/,
    },
  )
  t.throws(() => parseConfig(configOf(`{address: 'unix:s', token: '\${TOKEN}'}`), { TOKEN: 'tiny secret' }), {
    message: /^(?![\s\S]*tiny secret)[\s\S]*at least 16 characters/,
  })
})

t.test('check tells what runs the model', async t => {
  const folder = t.testdir()
  await cp(await smallModel(), join(folder, 'model'), { recursive: true })
  const path = join(folder, 'run.logneo.yaml')
  await writeFile(path, configOf("{address: 'tcp:127.0.0.1:9'}"))
  let printed = ''
  t.equal(await check(path, { print: text => void (printed += text), complain: () => {} }), 0)
  t.match(printed, /on the sidecar at tcp:127\.0\.0\.1:9/)
})

t.test('a warning that comes with every batch is given now and then', async t => {
  const given: string[] = []
  let nowMs = 0
  const warning = new RepeatedWarning(
    message => given.push(message),
    () => nowMs,
  )
  for (; nowMs < 25_000; nowMs += 1000) warning.give('it failed')
  t.strictSame(given, ['it failed', 'it failed (and 9 times before)', 'it failed (and 9 times before)'])
})
