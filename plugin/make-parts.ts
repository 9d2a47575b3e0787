import type { Counters } from './chunk.js'
import type { Config } from './config.js'
import type { InputFactory } from './input/input.js'
import { KafkaInput } from './input/kafka.js'
import { ForwardSink } from './output/forward-sink.js'
import { KafkaSink } from './output/kafka.js'
import { NdjsonSink } from './output/ndjson-sink.js'
import type { Output } from './output/output.js'

/** The inputs that a config names, beside Forward and files. */
export function makeInputs(
  { input }: Config,
  counters: Counters,
  warn: (message: string) => void,
): InputFactory[] {
  const { kafka } = input
  return [
    ...(kafka
      ? [
          ((take, _, release) =>
            new KafkaInput({ ...kafka, warn }, take, release, counters)) satisfies InputFactory,
        ]
      : []),
  ]
}

/** The outputs that a config names. */
export function makeOutputs(
  { output }: Config,
  counters: Counters,
  warn: (message: string) => void,
): Output[] {
  return [
    ...(output.forward ? [new ForwardSink({ ...output.forward, warn }, counters)] : []),
    ...(output.kafka ? [new KafkaSink({ ...output.kafka, warn }, counters)] : []),
    ...(output.ndjson ? [new NdjsonSink(output.ndjson.path)] : []),
  ]
}
