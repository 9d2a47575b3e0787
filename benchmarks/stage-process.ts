import type { DeadLetter } from '../plugin/dead-letter.js'
import { ForwardSink } from '../plugin/output/forward-sink.js'
import { Service } from '../plugin/service.js'
import { serve } from './child.js'

export interface StageSettings {
  readonly model: string
  readonly receiverPort: number
  /** Memory of the prefix memo, in bytes. */
  readonly cacheBytes?: number
  /** Milliseconds after which a frame that is not complete closes its connection. */
  readonly partialTimeoutMs?: number
}

export interface Usage {
  readonly rssBytes: number
  readonly cpuSeconds: number
}

let counts: Record<string, number> = {}
let service: Service | undefined

const counters = {
  increment(name: string, by = 1): void {
    counts[name] = (counts[name] ?? 0) + by
  },
}
const deadLetter: DeadLetter = {
  async write() {
    counters.increment('dead_letters_total')
  },
}

const handlers = {
  /** Opens a stage and answers its port. */
  open: async ({ model, receiverPort, cacheBytes, partialTimeoutMs }: StageSettings): Promise<number> => {
    counts = {}
    service = await Service.open({
      stage: { model, scorer: cacheBytes === undefined ? {} : { cacheBytes } },
      forward: { port: 0, ...(partialTimeoutMs !== undefined && { partialTimeoutMs }) },
      outputs: [new ForwardSink({ port: receiverPort }, counters)],
      deadLetter,
      counters,
    })
    return (await service.listen())!.port
  },
  counts: (): Record<string, number> => counts,
  usage: (): Usage => {
    const { user, system } = process.cpuUsage()
    return { rssBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 }
  },
  close: (): Promise<void> | undefined => service?.stop(),
}

export type StageHandlers = typeof handlers

serve(handlers)
