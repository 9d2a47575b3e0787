import { KAFKA_VALUE_FORMATS, KafkaValues } from '../../../plugin/input/kafka-values.js'
import { PackWriter } from '../../../plugin/msgpack/write.js'
import { readBulkAnswer } from '../../../plugin/output/bulk-answer.js'
import { look } from '../../fixtures/forward-peer.js'
import { endOf, expect, type FuzzTarget } from '../target.js'
import { JSON_WORDS } from './http.js'
import { MSGPACK_WORDS, SAMPLE_RECORDS } from './msgpack.js'

/** A message's value after a byte that chooses format and key: each becomes one whole record. */
export function kafkaValue(): FuzzTarget {
  const writer = new PackWriter()
  const values = [
    ...SAMPLE_RECORDS,
    ...['{"message":"x","n":{"a":[1]}}', 'a line', '', '[1]'].map(text => Buffer.from(text)),
  ]
  return {
    seeds: values.flatMap(value =>
      [0, 1, 2, 3, 4].map(choice => Buffer.concat([Buffer.from([choice]), value])),
    ),
    words: [...JSON_WORDS, ...MSGPACK_WORDS],
    run(input) {
      const choice = input[0] ?? 0
      const format = KAFKA_VALUE_FORMATS[choice % KAFKA_VALUE_FORMATS.length]!
      const keyField = (choice & 4) === 0 ? undefined : 'key'
      writer.reset()
      const messages = new KafkaValues(writer, format, keyField, 2, 0)
      messages.add({ value: input.subarray(1), key: Buffer.from('k'), timestamp: '1700000000000' })
      messages.add({ value: null, key: null, timestamp: input.toString('latin1', 0, 4) })
      const { entries, numMalformed } = messages.take()
      expect(entries.count === 2 && numMalformed <= 2, 'a message is a record')
      return endOf(() => {
        const { kinds, records } = look({ tag: 't', source: 's', entries })
        expect(kinds.join() === 'event,event', 'and a whole one')
        const [record] = records as Record<string, unknown>[]
        expect(keyField === undefined || record!.key === 'k', 'the key is in the record')
        return `${format} ${numMalformed} ${Math.min(Object.keys(record!).length, 5)}`
      }, RangeError)
    },
  }
}

/** An answer of Elasticsearch to two documents. */
export function bulkAnswer(): FuzzTarget {
  const items =
    '{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":400,"error":{"type":"t","reason":"r"}}}]}'
  return {
    seeds: ['{"errors":false}', items, '{"error":{"reason":"x"}}'].map(text => Buffer.from(text)),
    words: [...JSON_WORDS, '"create"', '"status"', '"error"', '"items"', '429', '409'],
    run(input) {
      const results = readBulkAnswer(input.toString(), 2)
      expect(results === undefined || results.length === 2, 'each document has its fate')
      return results?.map(({ fate }) => fate).join() ?? 'no answer'
    },
  }
}
