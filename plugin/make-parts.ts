import type { Counters } from './chunk.js'
import type { Config } from './config.js'
import type { InputFactory } from './input/input.js'
import { ForwardSink } from './output/forward-sink.js'
import { NdjsonSink } from './output/ndjson-sink.js'
import type { Output } from './output/output.js'

/** The inputs that a config names, beside Forward and files. */
export function makeInputs(
  _config: Config,
  _counters: Counters,
  _warn: (message: string) => void,
): InputFactory[] {
  return []
}

/** The outputs that a config names. */
export function makeOutputs(
  { output }: Config,
  counters: Counters,
  warn: (message: string) => void,
): Output[] {
  return [
    ...(output.forward ? [new ForwardSink({ ...output.forward, warn }, counters)] : []),
    ...(output.ndjson ? [new NdjsonSink(output.ndjson.path)] : []),
  ]
}
