import t from 'tap'
import { createStage } from '../../plugin/stage.js'
import { smallModel } from '../fixtures/plugin/small-model.js'
import { type OpenStage, storeSuite } from '../fixtures/plugin/store-suite.js'
import { REDIS_MISSING, RedisServer, redisProgram } from '../fixtures/services/redis.js'

const skip = redisProgram() === undefined ? REDIS_MISSING : false
/** As strict as a model of 250 sessions can be. */
const DETECT = { falseAlarmRate: 0.02 }

let redis: RedisServer
let numStages = 0

t.before(async () => {
  if (skip === false) redis = await RedisServer.start()
})
t.teardown(() => redis?.stop())

const local: OpenStage = async (t, options) => {
  const stage = await createStage({ model: await smallModel(), detect: DETECT, ...options })
  t.teardown(() => stage.close())
  return stage
}

const shared: OpenStage = async (t, options, sharing = `own${numStages++}`) => {
  const store = { url: redis.url, prefix: sharing }
  const stage = await createStage({ model: await smallModel(), detect: DETECT, store, ...options })
  t.teardown(() => stage.close())
  return stage
}

storeSuite('in the process', local, false)
storeSuite('in Redis', shared, skip)
