import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createStage } from '../../plugin/stage.js'
import { Random } from '../../scorer/random.js'
import type { SidecarState } from '../../sidecar/options.js'
import { grammarLog, logLine, otherSmallModel, smallModel } from '../fixtures/plugin/small-model.js'
import { freeAddress, RawClient } from '../fixtures/sidecar.js'
import { SidecarProcess } from '../fixtures/sidecar-process.js'

const START_MS = Date.UTC(2024, 4, 1)

/** The small model, whose manifest is a pipe: who loads it waits until `finish` writes there. */
async function unfinishedModel(t: Test): Promise<{ model: string; finish: () => Promise<void> }> {
  const model = join(t.testdir(), 'model')
  await cp(await smallModel(), model, { recursive: true })
  const path = join(model, 'manifest.json')
  const manifest = await readFile(path)
  await rm(path)
  await promisify(execFile)('mkfifo', [path])
  return { model, finish: () => writeFile(path, manifest) }
}

t.test('health endpoints tell loading from ready, and metrics count', async t => {
  const listen = await freeAddress(t)
  const { model, finish } = await unfinishedModel(t)
  const flags = ['--model', model, '--listen', listen, '--health', '127.0.0.1:0']
  const child = SidecarProcess.spawn(t, flags)
  const url = (await child.said(/health and metrics on/)).match(/http:[\w:./]+\d/)![0]
  t.equal(await (await fetch(`${url}/healthz`)).text(), 'ok\n')
  t.equal((await fetch(`${url}/readyz`)).status, 503, 'the model is loading')
  await finish()
  await child.said(/answers on/)
  t.equal((await fetch(`${url}/readyz`)).status, 200)
  t.equal((await stat(listen.slice(5))).mode & 0o777, 0o600)
  const client = await RawClient.connect(t, listen)
  await client.ask({ id: 1, op: 'score', prefixes: [[1], [1, 4]], observed: [4, 5] })
  const metrics = await (await fetch(`${url}/metrics`)).text()
  for (const line of [
    'logneo_sidecar_requests_total 1',
    'logneo_sidecar_events_total 2',
    'logneo_sidecar_connections 1',
    'logneo_sidecar_ready 1',
    'logneo_sidecar_batch_events_sum 2',
  ])
    t.match(metrics, new RegExp(`^${line}$`, 'm'))
  t.equal((await fetch(`${url}/metrics`, { method: 'POST' })).status, 405)
  t.equal((await fetch(`${url}/nothing`)).status, 404)
  t.equal(await child.end('SIGTERM'), 0)
  await t.rejects(stat(listen.slice(5)), { code: 'ENOENT' })
})

t.test('kill -9: records pass unscored while it is away, and are scored again when it is back', async t => {
  const model = await smallModel()
  const listen = await freeAddress(t)
  const flags = ['--model', model, '--listen', listen]
  const first = await SidecarProcess.start(t, flags)
  const states: SidecarState[] = []
  let changed = (): void => {}
  const onState = (state: SidecarState): void => {
    states.push(state)
    changed()
  }
  const until = async (state: SidecarState): Promise<void> => {
    while (states.at(-1) !== state)
      await new Promise<void>(resolve => {
        changed = resolve
      })
  }
  const failures: Error[] = []
  const stage = await createStage({
    model,
    sidecar: { address: listen, onState },
    scorer: { cacheBytes: 1 },
    onScorerFailure: error => failures.push(error),
  })
  t.teardown(() => stage.close())
  const undisturbed = await createStage({ model })
  t.teardown(() => undisturbed.close())
  const lines = grammarLog(9, 60)
  const third = Math.floor(lines.length / 3)
  const parts = [lines.slice(0, third), lines.slice(third, 2 * third), lines.slice(2 * third)]
  const statuses = async (part: readonly string[]) => {
    const tagged = await stage.process(part)
    const records = tagged.filter(({ logneo }) => !('kind' in logneo))
    t.equal(records.length, part.length, 'no record is lost')
    return records.map(({ logneo }) => logneo)
  }
  const before = await statuses(parts[0]!)
  t.ok(before.every(({ status }) => status === 'scored'))
  const underWay = parts[1]!.map(line => statuses([line]))
  t.equal(await first.end('SIGKILL'), 'SIGKILL')
  const away = (await Promise.all(underWay)).flat()
  t.ok(
    away.some(({ status }) => status === 'unscored'),
    'records pass unscored',
  )
  t.match(failures[0], { code: 'ERR_SCORER_RUN', message: /the sidecar at unix:/ })
  await SidecarProcess.start(t, flags)
  await until('ready')
  const after = await statuses(parts[2]!)
  t.ok(
    after.every(({ status }) => status === 'scored'),
    'it recovers by itself',
  )
  const expected = (await undisturbed.process(lines)).filter(({ logneo }) => !('kind' in logneo))
  const surprise = ({ logneo }: (typeof expected)[number]) =>
    'surprise' in logneo ? logneo.surprise! : Number.NaN
  const off = after.map((logneo, i) => Math.abs(surprise({ logneo }) - surprise(expected[2 * third + i]!)))
  t.ok(Math.max(...off) < 1e-4, 'sessions went on in between as if nothing had happened')
  t.strictSame(states, ['ready', 'away', 'ready'])
})

t.test(
  'SIGHUP: requests under way are answered, clients are told, a damaged model changes nothing',
  async t => {
    const folder = t.testdir()
    const model = join(folder, 'model')
    await cp(await smallModel(), model, { recursive: true })
    const listen = await freeAddress(t)
    const child = await SidecarProcess.start(t, ['--model', model, '--listen', listen])
    const client = await RawClient.connect(t, listen)
    const hello = await client.ask({ id: 1, op: 'hello', protocol: 1 })
    await writeFile(join(model, 'manifest.json'), '{}')
    child.child.kill('SIGHUP')
    await child.said(/could not be read again, the one before stays: .*damaged/)
    t.match(await client.ask({ id: 2, op: 'score', prefixes: [[1]], observed: [4] }), {
      id: 2,
      bundle: hello!.bundle,
    })
    await cp(await otherSmallModel(), model, { recursive: true, force: true })
    child.child.kill('SIGHUP')
    const id = (await child.said(/model \w+ read again/)).match(/model (\w+) read/)![1]
    t.not(id, hello!.bundle)
    t.same(await client.next(), { op: 'bundle', bundle: id })
    t.match(await client.ask({ id: 3, op: 'score', bundle: hello!.bundle, prefixes: [[1]], observed: [4] }), {
      id: 3,
      error: { code: 'wrong_bundle', retriable: true },
    })
    t.match(await client.ask({ id: 4, op: 'score', bundle: id, prefixes: [[1]], observed: [4] }), {
      id: 4,
      bundle: id,
    })
  },
)

t.test('a stage whose sidecar never comes passes all lines, and holds on to nothing', async t => {
  const sidecar = { address: await freeAddress(t) }
  const stage = await createStage({ model: await smallModel(), sidecar, scorer: { cacheBytes: 1 } })
  t.teardown(() => stage.close())
  // Sessions that share nothing: each line is another place in a memory of some 400.
  const kinds = ['open', 'read', 'check', 'write', 'sync']
  const random = new Random(3)
  const lines = Array.from({ length: 1500 }, (_, i) =>
    logLine(START_MS + 1000 * i, `s${i % 40}`, kinds[random.integer(kinds.length)]!, 1),
  )
  const tagged = await stage.process(lines)
  const records = tagged.filter(({ logneo }) => !('kind' in logneo))
  t.strictSame(
    records.map(({ message }) => message),
    lines,
  )
  t.ok(records.every(({ logneo }) => logneo.status === 'unscored'))
})

t.test('wrong usage and a missing model, told by the exit code', async t => {
  const model = await smallModel()
  const exits = async (flags: readonly string[], message: RegExp, env = {}) => {
    const child = SidecarProcess.spawn(t, flags, env)
    const ended = once(child.child, 'exit')
    await child.said(message)
    return (await ended)[0]
  }
  t.equal(await exits(['--model', model, '--listen', 'somewhere'], /listen must be unix:PATH/), 2)
  t.equal(
    await exits(['--model', model, '--listen', 'tcp:127.0.0.1:0'], /token must be/, {
      LOGNEO_SIDECAR_TOKEN: 'short',
    }),
    2,
  )
  t.equal(await exits(['--model', `${model}x`, '--listen', 'tcp:127.0.0.1:0'], /no model bundle/), 1)
})
