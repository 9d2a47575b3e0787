import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { packLines } from '../../plugin/input/pack-lines.js'
import type { Observer } from '../../plugin/observer.js'
import type { StageOptions } from '../../plugin/stage-options.js'
import { SummaryHandOver } from '../../plugin/summary-hand-over.js'
import type { SessionSummary } from '../../plugin/verdict.js'
import { MemoryOutput, manualService } from '../fixtures/plugin/manual-service.js'
import { sessionLines } from '../fixtures/plugin/open-small.js'
import { Gate } from '../fixtures/plugin/outputs.js'
import { MINUTE_MS, START_MS } from '../fixtures/plugin/shared-stage.js'
import { SMALL_RULES, smallModel } from '../fixtures/plugin/small-model.js'
import { REDIS_MISSING, RedisServer, redisProgram } from '../fixtures/services/redis.js'
import { freeAddress } from '../fixtures/sidecar.js'

const RULES = { session: SMALL_RULES.session, endPattern: SMALL_RULES.endPattern }

const chunkOf = (id: string, kinds: readonly string[], timeMs = START_MS) => {
  const lines = sessionLines(id, timeMs, kinds).map(({ line }) => line!)
  return packLines('raw.test', lines, timeMs)
}

/** Observes which sessions closed while it was open. */
class Watcher implements Observer {
  readonly closings: string[] = []
  isClosed = false

  flagged(): void {}

  closed(...[{ summary }]: Parameters<Observer['closed']>): void {
    if (!this.isClosed) this.closings.push(`${summary.session} ${summary.closed} ${summary.events}`)
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

const stages: Readonly<Record<string, (address: string) => Promise<StageOptions>>> = {
  'with a model': async () => ({ model: await smallModel() }),
  'with a sidecar that is away': async address => ({ model: await smallModel(), sidecar: { address } }),
  'without a model yet': async () => ({ model: '/nowhere', mayLearn: true, rules: RULES }),
}

for (const [how, stageOf] of Object.entries(stages)) {
  t.test(`who stops tells outputs and observers of the sessions still open: ${how}`, async t => {
    const [output, watcher] = [new MemoryOutput(), new Watcher()]
    const stage = await stageOf(await freeAddress(t))
    const { service, take } = await manualService(t, { stage, outputs: [output], observers: [watcher] })
    await take(chunkOf('x', ['open', 'read']))
    await take(chunkOf('y', ['open']))
    await service.stop()
    t.same(output.closings, ['x open 2', 'y open 1'])
    t.same(watcher.closings, ['x open 2', 'y open 1'])
  })
}

t.test('what was closing before is handed over before the outputs close', async t => {
  const told: string[] = []
  const handOver = new SummaryHandOver(
    async summaries => void told.push(...summaries.map(({ session }) => session)),
    () => {},
  )
  const summaryOf = (session: string) => ({ session }) as SessionSummary
  let judge = (): void => {}
  const judged = new Promise<void>(resolve => {
    judge = resolve
  })
  handOver.start(async deliver => {
    await judged
    await deliver([summaryOf('slow to judge')])
  })
  handOver.start(() => Promise.reject(new Error('the store is away')))
  const finished = handOver.finish(deliver => deliver([summaryOf('open')]))
  await sleep(20)
  judge()
  await finished
  t.same(told, ['slow to judge', 'open'])
})

t.test('an output that delivers nothing is closed, whatever it was given', async t => {
  const gate = new Gate()
  const output: MemoryOutput = new MemoryOutput()
  const stage = { model: await smallModel() }
  const { service, take } = await manualService(t, { stage, outputs: [output, gate] })
  void take(chunkOf('x', ['open']))
  await gate.isWaited()
  const stopped = service.stop()
  while (!output.isClosed) await sleep(5)
  t.same(output.closings, ['x open 1'], 'the other one has it all the same')
  gate.open()
  await stopped
})

const skip = redisProgram() === undefined ? REDIS_MISSING : false

t.test('who stops holds back the closing of shared sessions no longer', { skip }, async t => {
  const redis = await RedisServer.start()
  t.teardown(() => redis.stop())
  const stage = { model: await smallModel(), store: { url: redis.url, prefix: 'stop' } }
  const [one, other] = [new MemoryOutput(), new MemoryOutput()]
  const leaving = await manualService(t, { stage, outputs: [one] })
  const staying = await manualService(t, { stage, outputs: [other] })
  await leaving.take(chunkOf('slow', ['open']))
  await leaving.service.stop()
  for (const minute of [100, 101])
    await staying.take(chunkOf('fast', ['open'], START_MS + minute * MINUTE_MS))
  t.same(other.closings, ['slow idle 1'])
})
