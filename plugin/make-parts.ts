import type { Counters } from './chunk.js'
import type { Config } from './config.js'
import { FollowInput } from './input/follow/follow.js'
import type { FollowOptions } from './input/follow/options.js'
import { HttpInput } from './input/http.js'
import type { HttpInputOptions } from './input/http-options.js'
import type { InputFactory } from './input/input.js'
import { ForwardSink } from './output/forward-sink.js'
import { NdjsonSink } from './output/ndjson-sink.js'
import type { Output } from './output/output.js'

/** The inputs that a config names, beside Forward and files. */
export function makeInputs(
  { input }: Config,
  counters: Counters,
  warn: (message: string) => void,
): InputFactory[] {
  const { http, follow } = input
  return [
    ...(http ? [httpFactory({ ...http, warn }, counters)] : []),
    ...(follow ? [followFactory({ ...follow, warn }, counters)] : []),
  ]
}

const httpFactory =
  (options: HttpInputOptions, counters: Counters): InputFactory =>
  (take, ownTagPrefix) =>
    new HttpInput(options, take, ownTagPrefix, counters)

const followFactory =
  (options: FollowOptions, counters: Counters): InputFactory =>
  take =>
    new FollowInput(options, take, counters)

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
