import t, { type Test } from 'tap'
import type { LineInput } from '../../plugin/engine-parts.js'
import type { Stage } from '../../plugin/stage.js'
import type { StageOptions } from '../../plugin/stage-options.js'
import type { RedisStoreOptions } from '../../plugin/store/redis-options.js'
import type { SessionSummary } from '../../plugin/verdict.js'
import { sessionLines } from '../fixtures/plugin/open-small.js'
import { closings, judge, MINUTE_MS, openShared, START_MS } from '../fixtures/plugin/shared-stage.js'
import { REDIS_MISSING, RedisServer, redisProgram } from '../fixtures/services/redis.js'

const skip = redisProgram() === undefined ? REDIS_MISSING : false
let redis: RedisServer

t.before(async () => {
  if (skip === false) redis = await RedisServer.start()
})
t.teardown(() => redis?.stop())

/** Stages with the same prefix share their sessions. */
const open = (
  t: Test,
  store: Partial<RedisStoreOptions> = {},
  options: Omit<StageOptions, 'model' | 'store'> = {},
) => openShared(t, { url: redis.url, ...store }, options)

t.test(
  'silent sessions are summed up by one stage, and by another if that one dies before it delivers',
  { skip },
  async t => {
    const prefix = 'silent'
    let wall = START_MS
    const now = (): number => wall
    const stages = [
      (await open(t, { prefix }, { now })).stage,
      (await open(t, { prefix }, { now })).stage,
    ] as const
    const closed: SessionSummary[] = []
    const tick = ({ store }: Stage): Promise<void> => store.tick(wall, async all => void closed.push(...all))
    for (let i = 0; i < 20; i++)
      await judge(stages[(i % 2) as 0 | 1], sessionLines(`s${i}`, START_MS, ['open', 'read']))
    wall += 11 * MINUTE_MS
    await Promise.all(stages.map(tick))
    await Promise.all(stages.map(tick))
    t.equal(new Set(closings(closed)).size, 20)
    t.equal(closed.length, 20)

    await judge(stages[0], sessionLines('late', START_MS, ['open']))
    wall += 11 * MINUTE_MS
    await t.rejects(
      stages[0].store.tick(wall, () => Promise.reject(new Error('no receiver'))),
      /no receiver/,
    )
    await tick(stages[1])
    t.equal(closed.length, 20, 'it has its time to deliver')
    wall += MINUTE_MS
    await tick(stages[1])
    await tick(stages[0])
    t.same(closings(closed.slice(20)), ['late idle 1'])
  },
)

t.test('summaries on their way are left to who delivers them; their name stays', { skip }, async t => {
  const prefix = 'lease'
  let wall = START_MS
  const now = (): number => wall
  const [slow, other] = [
    (await open(t, { prefix }, { now })).stage,
    (await open(t, { prefix }, { now })).stage,
  ]
  await judge(slow, sessionLines('x', START_MS, ['open']))
  wall += 11 * MINUTE_MS
  let fail = (_: Error): void => {}
  let begin = (): void => {}
  const begun = new Promise<void>(resolve => {
    begin = resolve
  })
  const names: (string | undefined)[] = []
  const delivering = slow.store.tick(wall, (_, name) => {
    names.push(name)
    begin()
    return new Promise((_, reject) => {
      fail = reject
    })
  })
  await begun
  const closed: SessionSummary[] = []
  const tick = () =>
    other.store.tick(wall, async (all, name) => {
      closed.push(...all)
      names.push(name)
    })
  for (let i = 0; i < 5; i++) {
    wall += 20_000
    await slow.store.tick(wall, () => Promise.reject(new Error('there is nothing else')))
    await tick()
  }
  t.same(closed, [])
  fail(new Error('the stage dies'))
  await t.rejects(delivering, /dies/)
  wall += MINUTE_MS
  await tick()
  t.same(closings(closed), ['x idle 1'])
  t.match(names[0], /^ends-/)
  t.equal(names[1], names[0])
})

t.test('a stage whose log lags behind does not have its sessions closed by the others', { skip }, async t => {
  const prefix = 'lag'
  const [ahead, behind] = [(await open(t, { prefix })).stage, (await open(t, { prefix })).stage]
  const at = (minute: number, id: string): LineInput[] =>
    sessionLines(id, START_MS + minute * MINUTE_MS, ['read'])
  await judge(behind, at(0, 'slow'))
  await judge(ahead, at(100, 'fast'))
  t.same(closings(await judge(ahead, at(101, 'fast'))), [], 'the other one may still have lines of it')
  t.same(closings(await judge(behind, at(5, 'slow'))), [])
  t.same(closings(await judge(behind, at(14, 'other'))), [])
  t.same(closings(await judge(behind, at(16, 'other'))), ['slow idle 2'])
})

t.test('sessions that nobody touches any more go, and so does all else of them', { skip }, async t => {
  const { stage } = await open(t, { prefix: 'short', expireMs: 700_000 })
  await judge(stage, sessionLines('x', START_MS, ['open']), 'chunk')
  const { Redis } = await import('ioredis')
  const client = new Redis(redis.url)
  const keys = await client.keys('short:*')
  t.ok(keys.length >= 5)
  for (const key of keys) t.ok((await client.pttl(key)) > 0, key)
  for (const key of keys) if (key.includes(':s:')) await client.del(key)
  const begun = await judge(stage, sessionLines('x', START_MS, ['open']))
  t.same(closings([...begun, ...(await stage.finish('complete'))]), ['x complete 1'])
  await client.quit()
})
