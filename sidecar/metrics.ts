import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { ServerCounts } from './protocol.js'
import type { ServerObserver, SidecarServer } from './server.js'

const PREFIX = 'logneo_sidecar_'
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const BATCH_EVENTS = [1, 5, 10, 25, 50, 100, 250, 500, 1000]

const COUNTS: Readonly<Record<keyof ServerCounts, string>> = {
  requests: 'Requests taken, whatever became of them.',
  events: 'Events scored.',
  batches: 'Batches the model computed or failed on.',
  errors: 'Requests answered with an error, and frames that could not be read.',
  reloads: 'Models that took over from the one before.',
}

/** What Prometheus is told of a sidecar, under names that begin with `logneo_sidecar_`, and the usual metrics of the process. */
export class SidecarMetrics implements ServerObserver {
  readonly #registry = new Registry()
  readonly #batchEvents = this.#histogram('batch_events', 'Events computed together.', BATCH_EVENTS)
  readonly #batchSeconds = this.#histogram('batch_seconds', 'Time of a batch in the model, seconds.', SECONDS)
  readonly #requestSeconds = this.#histogram(
    'request_seconds',
    'Time from a score request to its reply, waiting included, seconds.',
    SECONDS,
  )

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
  }

  onBatch(numEvents: number, seconds: number): void {
    this.#batchEvents.observe(numEvents)
    this.#batchSeconds.observe(seconds)
  }

  onScored(seconds: number): void {
    this.#requestSeconds.observe(seconds)
  }

  /** Reads a server's counts whenever metrics are asked for. */
  watch(server: SidecarServer): void {
    for (const [name, help] of Object.entries(COUNTS))
      this.#count(`${name}_total`, help, () => server.counts[name as keyof ServerCounts])
    this.#gauge('connections', 'Connections held.', () => server.numConnections)
    this.#gauge('pending_events', 'Events that wait or are being computed.', () => server.numPending)
    this.#gauge('prefixes', 'Prefixes remembered.', () => server.numPrefixes)
    this.#gauge('ready', 'Whether requests are taken.', () => (server.isReady ? 1 : 0))
  }

  /** All metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name: PREFIX + name, help, buckets, registers: [this.#registry] })
  }

  #gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name: PREFIX + name,
      help,
      registers: [this.#registry],
      collect: () => gauge.set(read()),
    })
  }

  /** The server counts; here its count is only passed on. */
  #count(name: string, help: string, read: () => number): void {
    const counter: Counter = new Counter({
      name: PREFIX + name,
      help,
      registers: [this.#registry],
      collect(): void {
        counter.reset()
        counter.inc(read())
      },
    })
  }
}
