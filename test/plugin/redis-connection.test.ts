import t, { type Test } from 'tap'
import { createStage } from '../../plugin/stage.js'
import type { StageOptions } from '../../plugin/stage-options.js'
import { StoreError } from '../../plugin/store/errors.js'
import { connectorOf } from '../../plugin/store/redis-connector.js'
import type { RedisStoreOptions } from '../../plugin/store/redis-options.js'
import { sessionLines } from '../fixtures/plugin/open-small.js'
import { closings, judge, lines, openShared, START_MS } from '../fixtures/plugin/shared-stage.js'
import { smallModel } from '../fixtures/plugin/small-model.js'
import { REDIS_MISSING, RedisServer, redisProgram, selfSigned } from '../fixtures/services/redis.js'

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

t.test('a second error of a socket ends no process', async t => {
  const Connector = connectorOf(await import('ioredis'))
  const connector = new Connector({ host: '127.0.0.1', port: 1, disconnectTimeout: 10 })
  const stream = await connector.connect(() => {})
  await new Promise(resolve => stream.once('close', resolve))
  t.ok(connector.firstError)
  t.doesNotThrow(() => stream.emit('error', new Error('an alert after that')))
})

t.test('with a password; no message holds the password', { skip }, async t => {
  const own = await RedisServer.start(['--requirepass', 'open-sesame'])
  t.teardown(() => own.stop())
  const right = await open(t, { url: own.url, password: 'open-sesame' })
  t.equal((await judge(right.stage, sessionLines('x', START_MS, ['open']))).length, 1)
  const wrong = await open(t, { url: own.url.replace('//', '//:not-sesame@') })
  const waiting = t.rejects(judge(wrong.stage, sessionLines('x', START_MS, ['open'])), StoreError)
  while (wrong.messages.length < 2) await new Promise(resolve => setTimeout(resolve, 20))
  wrong.stage.store.interrupt()
  await waiting
  t.match(wrong.messages.join('\n'), /WRONGPASS|NOAUTH/)
  t.notMatch(wrong.messages.join('\n'), /sesame/)
})

t.test('by TLS, with a certificate that is checked', { skip }, async t => {
  const { cert, key } = await selfSigned(t)
  const own = await RedisServer.start([], { cert, key })
  t.teardown(() => own.stop())
  const right = await open(t, { url: own.url, tls: { ca: cert, cert, key } })
  t.equal((await judge(right.stage, sessionLines('x', START_MS, ['open']))).length, 1)
  const wrong = await open(t, { url: own.url })
  t.match(wrong.messages.join('\n'), /self-signed|certificate/)
  await t.rejects(open(t, { url: own.url, tls: { ca: '/no/such/file' } }), /store.tls.ca.*cannot be read/)
})

t.test('a cluster keeps what is shared on one node', { skip }, async t => {
  const own = await RedisServer.startCluster()
  t.teardown(() => own.stop())
  const { stage } = await open(t, { url: own.url, isCluster: true })
  const first = await stage.store.judge(lines.slice(0, 300), { name: 'chunk' })
  t.strictSame(await stage.store.judge(lines.slice(0, 300), { name: 'chunk' }), first)
  await judge(stage, sessionLines('open', START_MS, ['open']))
  t.same(closings(await stage.finish('complete')).at(-1), 'open complete 1')
})

t.test('wrong options are told all at once', { skip }, async t => {
  const wrong = { url: 'http://x', prefix: '{', whenAway: 'never' as 'wait', maxConflicts: 0, colour: 1 }
  const model = await smallModel()
  const error = await createStage({ model, store: wrong, detect: { detectors: ['time-gap'] } }).catch(
    error => error,
  )
  for (const problem of [/time-gap/, /colour/, /url/, /prefix/, /whenAway/, /maxConflicts/])
    t.match(error.message, problem)
  await t.rejects(createStage({ model, store: { url: redis.url, expireMs: 5 } }), /drops sessions/)
})
