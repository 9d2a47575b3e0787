import type { Counters, PackedEntries } from '../chunk.js'
import { ForwardOutput } from './forward.js'
import { DEFAULT_FORWARD_OUTPUT_OPTIONS, type ForwardOutputOptions } from './forward-options.js'
import type { Output } from './output.js'

/** Tagged records to a Forward receiver: Fluent Bit, Fluentd. */
export class ForwardSink implements Output {
  readonly name: string
  readonly takesMetadata: boolean
  readonly #output: ForwardOutput

  constructor(options: ForwardOutputOptions, counters: Counters) {
    this.name = `forward ${options.path ?? `${options.host ?? '127.0.0.1'}:${options.port ?? 24224}`}`
    this.takesMetadata = options.emitMetadata ?? DEFAULT_FORWARD_OUTPUT_OPTIONS.emitMetadata
    this.#output = new ForwardOutput(options, counters)
    this.#output.connect()
  }

  get isReady(): boolean {
    return this.#output.connected
  }

  /** Bytes accepted and not delivered. */
  get queuedBytes(): number {
    return this.#output.queuedBytes
  }

  deliver(tag: string, { buffer, count }: PackedEntries): Promise<void> {
    return this.#output.send(tag, buffer, count)
  }

  close(): Promise<void> {
    return this.#output.close()
  }
}
