import t from 'tap'
import { createStage } from '../../plugin/stage.js'
import type { Verdict } from '../../plugin/verdict.js'
import { KafkaPeer, startStage } from '../fixtures/plugin/kafka-peer.js'
import { grammarLog, smallModel } from '../fixtures/plugin/small-model.js'
import { KafkaBroker, kafkaMissing } from '../fixtures/services/kafka.js'

const skip = kafkaMissing()
let broker: KafkaBroker
let peer: KafkaPeer

if (!skip) {
  t.before(async () => {
    broker = await KafkaBroker.start()
    peer = await KafkaPeer.connect(broker.address)
  })
  t.teardown(async () => {
    await peer?.close()
    await broker?.remove()
  })
}

for (const transactions of [false, true]) {
  const how = transactions ? 'in transactions' : 'with offsets committed after delivery'
  t.test(`records come back once, in order, with their session as key: ${how}`, { skip }, async t => {
    const topics = await peer.topics()
    await peer.sendLines(topics.from, 0, 5000)
    const reader = await peer.reader(t, topics.to)
    const { service } = await startStage(t, peer, topics, { input: { transactions, maxChunkRecords: 300 } })
    await reader.all(5000)
    await service.stop()
    t.strictSame(
      reader.numbers,
      Array.from({ length: 5000 }, (_, i) => i),
    )
    t.ok(
      reader.records.every(
        ({ key, value }) => key === value.logneo.session && value.message!.endsWith(`req=${key}`),
      ),
    )
    t.ok(reader.records.every(({ tag }) => tag === `scored.kafka.${topics.from}`))
    for (let s = 0; s < 7; s++) {
      const own = reader.records.filter(({ key }) => key === `s${s}`)
      t.equal(new Set(own.map(({ partition }) => partition)).size, 1, 'a session is on one partition')
      const numbers = own.map(({ value }) => Number(/n=(\d+)/.exec(value.message!)![1]))
      t.strictSame(
        numbers,
        numbers.toSorted((a, b) => a - b),
        'and in order',
      )
    }
    t.equal(await peer.committed(topics.group, topics.from), 5000, 'the group is done with all')
  })
}
