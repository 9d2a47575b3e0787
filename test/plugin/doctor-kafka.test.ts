import { Kafka, logLevel } from 'kafkajs'
import t from 'tap'
import { examined } from '../fixtures/plugin/examined.js'
import { KafkaPeer } from '../fixtures/plugin/kafka-peer.js'
import { KAFKA_USER, KafkaBroker, kafkaMissing } from '../fixtures/services/kafka.js'

const skip = kafkaMissing()

t.test('Kafka: brokers, topics, the group; no topic is made and no group joined', { skip }, async t => {
  const broker = await KafkaBroker.start()
  const peer = await KafkaPeer.connect(broker.address)
  t.teardown(async () => {
    await peer.close()
    await broker.remove()
  })
  const { from, to, group } = await peer.topics(3)
  await peer.sendLines(from, 0, 25)
  const brokers = [broker.address]

  const good = await examined({
    input: { kafka: { brokers, topics: [from], group } },
    output: { kafka: { brokers, topic: to } },
  })
  t.equal(
    good['input.kafka'],
    `ok 1 broker\nok topic ${from} has 3 partitions\nok group ${group}: 0 members now, 25 records before it\n`,
  )
  t.equal(good['output.kafka'], `ok 1 broker\nok topic ${to} has 3 partitions\n`)

  const lacking = await examined({
    input: { kafka: { brokers, topics: [from, 'missing'], group } },
    output: { kafka: { brokers, topic_prefix: 'nothing-' } },
  })
  t.match(lacking['input.kafka'], /\nfailed there is no topic missing, .* -> create it .*\nok topic /)
  t.match(lacking['output.kafka'], /\nwarning no topic begins with nothing- -> create one/)
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  t.notOk((await admin.listTopics()).includes('missing'))
  t.notOk((await admin.listGroups()).groups.some(({ groupId }) => groupId === group))
  await admin.disconnect()

  const secured = async (password: string, tls: object) =>
    (
      await examined({
        output: {
          kafka: {
            brokers: [broker.secureAddress],
            topic: to,
            tls,
            sasl: { ...KAFKA_USER, mechanism: 'plain', password },
          },
        },
      })
    )['output.kafka']
  const tls = { ca: broker.certificate }
  t.match(await secured(KAFKA_USER.password, tls), /^ok 1 broker, TLS, as logneo by plain\nok topic /)
  t.match(await secured('wrong', tls), /^failed .*[Aa]uthentication failed.* -> see that/)
  t.match(await secured(KAFKA_USER.password, {}), /^failed .*certificate/)
})
