import t, { type Test } from 'tap'
import { severityRank } from '../../plugin/alerts/alert.js'
import type { Stage } from '../../plugin/stage.js'
import type { StageOptions } from '../../plugin/stage-options.js'
import type { RedisStoreOptions } from '../../plugin/store/redis-options.js'
import type { Severity } from '../../scorer/judge.js'
import { sessionLines } from '../fixtures/plugin/open-small.js'
import { isSummary, sameTold, type Told, told } from '../fixtures/plugin/same-verdicts.js'
import {
  closings,
  cut,
  judge,
  lines,
  openShared,
  START_MS,
  undisturbed,
} from '../fixtures/plugin/shared-stage.js'
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

t.test('two stages that take turns give the verdicts of one', { skip }, async t => {
  const prefix = 'turns'
  const stages = [(await open(t, { prefix })).stage, (await open(t, { prefix })).stage] as const
  const all: Told[] = []
  for (const [i, chunk] of cut(30).entries()) all.push(...(await judge(stages[(i % 2) as 0 | 1], chunk)))
  all.push(...(await stages[0].finish('complete')))
  sameTold(t, all, await undisturbed(), 'two stages')
  t.same(await stages[1].finish('complete'), [])
  t.ok(worstLines(all).some(([, worst]) => worst !== undefined))
  t.strictSame(
    all.filter(isSummary).map(({ session, line_severity }) => [session, line_severity]),
    worstLines(all),
    'whoever closes a session knows how bad its lines were, whoever judged them',
  )
})

/** Of each session that closed, the severity of its worst flagged line. */
function worstLines(all: readonly Told[]): [session: string, worst: Severity | undefined][] {
  const worst = new Map<string, Severity>()
  const closed: [string, Severity | undefined][] = []
  for (const one of all) {
    const { session, severity = 'none', anomaly } = one
    if (isSummary(one)) {
      closed.push([one.session, worst.get(one.session)])
      worst.delete(one.session)
    } else if (anomaly === true && severityRank(severity) > severityRank(worst.get(session!) ?? 'none')) {
      worst.set(session!, severity)
    }
  }
  return closed
}

t.test(
  'stages that change the same sessions at once lose no line and count none twice',
  { skip },
  async t => {
    const prefix = 'contended'
    const opened = await Promise.all(Array.from({ length: 3 }, () => open(t, { prefix })))
    const ids = ['a', 'b', 'c', 'd']
    const numRounds = 60
    const all = await Promise.all(
      opened.map(async ({ stage }) => {
        const some: Told[] = []
        for (let i = 0; i < numRounds; i++)
          some.push(
            ...(await judge(
              stage,
              ids.flatMap(id => sessionLines(id, START_MS, ['read'])),
            )),
          )
        return some
      }),
    )
    t.ok(all.flat().every(one => !isSummary(one) && one.status === 'scored'))
    t.same(
      closings(await opened[0]!.stage.finish('complete')).sort(),
      ids.map(id => `${id} complete ${3 * numRounds}`),
    )
    const numConflicts = opened.reduce((sum, { counters }) => sum + counters.of('store_conflicts_total'), 0)
    t.ok(numConflicts > 0, 'they did meet')
  },
)

t.test(
  'a chunk that is repeated, to whatever stage, is answered by its first verdicts',
  { skip },
  async t => {
    const prefix = 'repeats'
    const [one, other] = [await open(t, { prefix }), await open(t, { prefix })]
    const chunk = sessionLines('x', START_MS, ['open', 'explode', 'read', 'read'])
    const first = await one.stage.store.judge(chunk, { name: 'chunk 1' })
    t.ok(first.verdicts.some(({ anomaly }) => anomaly === true))
    t.strictSame(await other.stage.store.judge(chunk, { name: 'chunk 1' }), first)
    t.equal(other.counters.of('store_repeats_total'), 1)
    one.stage.store.delivered({ name: 'chunk 1' })
    await one.stage.store.judge(sessionLines('y', START_MS, ['open']), { name: 'chunk 2' })
    t.equal((await other.stage.store.judge(chunk, { name: 'chunk 1' })).isDelivered, true)
    const [twice, again] = await Promise.all([
      one.stage.store.judge(sessionLines('x', START_MS, ['close']), { name: 'chunk 3' }),
      one.stage.store.judge(sessionLines('x', START_MS, ['close']), { name: 'chunk 3' }),
    ])
    t.strictSame(again, twice, 'also within one stage')
    t.same(closings(twice.summaries.map(({ summary }) => summary)), ['x end 5'])
    t.same(closings(await other.stage.finish('complete')), ['y complete 1'])
  },
)

t.test('lines with positions are known again however they are cut', { skip }, async t => {
  const prefix = 'positions'
  const [one, other] = [await open(t, { prefix }), await open(t, { prefix })]
  // Positions with gaps, as transactions leave them.
  const positions = lines.map((_, i) => 5_000_000_000 + i + Math.floor(i / 3))
  const judgePiece = async ({ store }: Stage, from: number, to: number) => {
    const log = { name: 'topic/3', positions: positions.slice(from, to) }
    return store.judge(lines.slice(from, to), { name: `topic/3 ${from}-${to}`, log })
  }
  const toldOf = ({ verdicts, summaries }: Awaited<ReturnType<typeof judgePiece>>) =>
    told(verdicts, summaries)
  const wanted = await undisturbed()
  const all: Told[] = []
  for (const [from, to] of [
    [0, 40],
    [40, 100],
    [100, 130],
  ] as const)
    all.push(...toldOf(await judgePiece(one.stage, from, to)))
  one.stage.store.delivered({
    name: 'topic/3 0-40',
    log: { name: 'topic/3', positions: positions.slice(0, 40) },
  })
  const again: Told[] = []
  for (const [from, to] of [
    [20, 45],
    [45, 50],
    [50, 700],
    [700, lines.length],
  ] as const)
    again.push(...toldOf(await judgePiece(other.stage, from, to)))
  again.push(...(await other.stage.finish('complete')))
  const verdictsOf = (some: readonly Told[]): Told[] => some.filter(one => !isSummary(one))
  sameTold(t, [...verdictsOf(all).slice(0, 20), ...verdictsOf(again)], verdictsOf(wanted), 'verdicts')
  const summaries = closings([...all, ...again])
  t.same([...new Set(summaries)].sort(), closings(wanted).sort(), 'sessions of as many lines')
  t.equal(other.counters.of('store_repeats_total'), 3)
})

t.test('a name that stands for another chunk is no reason to drop lines', { skip }, async t => {
  const { stage, counters } = await open(t)
  await judge(stage, sessionLines('x', START_MS, ['open']), 'name')
  t.equal((await judge(stage, sessionLines('x', START_MS, ['read', 'read']), 'name')).length, 2)
  t.equal(counters.of('store_unreadable_total'), 1)
  t.same(closings(await stage.finish('complete')), ['x complete 3'])
})

t.test('what is damaged or of somebody else in Redis is counted and passed over', { skip }, async t => {
  const { stage, counters } = await open(t, { prefix: 'damaged' })
  const ids = Array.from({ length: 40 }, (_, i) => `s${i}`)
  const all = ids.flatMap(id => sessionLines(id, START_MS, ['open', 'read']))
  await judge(stage, all, 'chunk')
  const { Redis } = await import('ioredis')
  const client = new Redis(redis.url)
  const keys = (await client.keys('damaged:*')).filter(key => /:[sc]:/.test(key)).sort()
  for (const [i, key] of keys.entries()) {
    const value = (await client.getBuffer(key))!
    value[8 + ((i * 7) % (value.length - 8))]! ^= 1 << (i % 8)
    await client.set(key, i % 5 === 0 ? value.subarray(0, i) : value)
  }
  t.equal((await judge(stage, all, 'chunk')).filter(one => !isSummary(one)).length, all.length)
  t.ok(counters.of('store_unreadable_total') > 0)
  await stage.finish('complete')
  t.equal(stage.store.size, 0)
  await client.quit()
})
