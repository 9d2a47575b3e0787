import t from 'tap'
import { createStage } from '../../plugin/stage.js'
import { StoreError } from '../../plugin/store/errors.js'
import { COMMIT } from '../../plugin/store/redis-scripts.js'
import type { RedisStore } from '../../plugin/store/redis-store.js'
import type { SessionSummary } from '../../plugin/verdict.js'
import { sessionLines } from '../fixtures/plugin/open-small.js'
import { sameTold, type Told } from '../fixtures/plugin/same-verdicts.js'
import {
  closings,
  cut,
  DETECT,
  judge,
  openShared,
  START_MS,
  undisturbed,
} from '../fixtures/plugin/shared-stage.js'
import { smallModel } from '../fixtures/plugin/small-model.js'
import { REDIS_MISSING, RedisServer, redisProgram } from '../fixtures/services/redis.js'

const skip = redisProgram() === undefined ? REDIS_MISSING : false

t.test('a commit whose answer is lost is sent again and done once', { skip }, async t => {
  const own = await RedisServer.start()
  t.teardown(() => own.stop())
  const { stage, counters } = await openShared(t, { url: own.url })
  const { client } = (stage.store as RedisStore).parts
  const run = client.run.bind(client)
  let isLost = false
  client.run = async (script, ...rest) => {
    const reply = await run(script, ...rest)
    if (script !== COMMIT || isLost) return reply
    isLost = true
    throw new StoreError('the answer was lost')
  }
  await judge(stage, sessionLines('x', START_MS, ['open', 'read']))
  t.ok(isLost)
  t.equal(counters.of('store_conflicts_total'), 0)
  t.same(closings(await stage.finish('complete')), ['x complete 2'])
})

t.test(
  'Redis killed and started again, again and again: chunks wait, and nothing is lost or doubled',
  { skip },
  async t => {
    const own = await RedisServer.start()
    t.teardown(() => own.stop())
    const { stage, counters } = await openShared(t, { url: own.url })
    const calls: Promise<Told[]>[] = []
    for (const [i, chunk] of cut(40).entries()) {
      calls.push(judge(stage, chunk, i % 2 === 0 ? `chunk ${i}` : undefined))
      if (i % 8 !== 3) continue
      await calls[i - 1]
      await own.kill()
      await new Promise(resolve => setTimeout(resolve, 30))
      await own.restart()
    }
    const all = (await Promise.all(calls)).flat()
    sameTold(t, [...all, ...(await stage.finish('complete'))], await undisturbed(), 'after kills')
    t.ok(counters.of('store_failures_total') > 0)
  },
)

t.test('a Redis that answers nothing is left and found again', { skip }, async t => {
  const own = await RedisServer.start()
  t.teardown(() => own.stop())
  const { stage, messages } = await openShared(t, { url: own.url })
  await judge(stage, sessionLines('x', START_MS, ['open']))
  own.freeze()
  const waiting = judge(stage, sessionLines('x', START_MS, ['read']))
  while (messages.every(message => !message.includes('chunks wait')))
    await new Promise(resolve => setTimeout(resolve, 20))
  own.thaw()
  t.equal((await waiting).length, 1)
  t.same(closings(await stage.finish('complete')), ['x complete 2'])
  t.match(messages.at(-1), /Redis is back/)
})

t.test('who stops does not wait for a Redis that is away: chunks are given back', { skip }, async t => {
  const own = await RedisServer.start()
  t.teardown(() => own.stop())
  const { stage } = await openShared(t, { url: own.url })
  await own.kill()
  const waiting = judge(stage, sessionLines('x', START_MS, ['open']))
  const rejected = t.rejects(waiting, StoreError)
  stage.store.interrupt()
  await rejected
  t.same(await stage.finish('open'), [])
})

t.test('while Redis is away a stage may go on by itself; what it says then is marked', { skip }, async t => {
  const own = await RedisServer.start()
  t.teardown(() => own.stop())
  const { stage, counters, messages } = await openShared(t, {
    url: own.url,
    whenAway: 'local',
    timeoutMs: 100,
  })
  const marks = (all: readonly Told[]): (string | undefined)[] => all.map(({ store }) => store)
  t.same(marks(await judge(stage, sessionLines('x', START_MS, ['open', 'read']))), [undefined, undefined])
  await own.kill()
  const away = await judge(stage, sessionLines('x', START_MS, ['read']))
  t.same(marks(away), ['local'])
  const alone = await createStage({ model: await smallModel(), detect: DETECT })
  const whole = await judge(alone, sessionLines('x', START_MS, ['open', 'read', 'read']))
  await alone.close()
  const { store: _, ...unmarked } = away[0]!
  sameTold(t, [unmarked as Told], whole.slice(2), 'the session goes on where this stage left it')
  t.same(closings(await judge(stage, sessionLines('y', START_MS, ['open', 'close']))), ['y end 2'])
  t.equal(counters.of('store_local_events_total'), 3)
  t.match(messages.join('\n'), /sessions of this process alone/)
  await own.restart()
  while (marks(await judge(stage, sessionLines('z', START_MS, ['open'])))[0] === 'local')
    await new Promise(resolve => setTimeout(resolve, 20))
  t.same(marks(await judge(stage, sessionLines('x', START_MS, ['read']))), [undefined])
  const closed: SessionSummary[] = []
  await stage.store.tick(START_MS, async all => void closed.push(...all))
  t.match(closings(closed), ['x open 3'])
  t.ok(closed.every(({ store }) => store === 'local'))
  t.match(closings(await stage.finish('complete')), [/^z complete/, 'x complete 3'])
})
