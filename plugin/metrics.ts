import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Counters } from './chunk.js'
import { COUNTER_HELP, LABELLED_HELP } from './metrics-help.js'

export const METRIC_PREFIX = 'logneo_'

/** Label values kept apart in one metric; those beyond count together as `other`. */
const MAX_SERIES = 100
const OTHER = 'other'
const CHUNK_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

interface LabelledCounter {
  readonly counter: Counter
  readonly series: Set<string>
}

/** What Prometheus is told, under names that begin with `logneo_`, and the usual metrics of the process. */
export class Metrics implements Counters {
  readonly #registry = new Registry()
  readonly #counters = new Map<string, Counter>()
  readonly #labelled = new Map<string, LabelledCounter>()
  readonly #chunkSeconds: Histogram

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
    for (const [name, help] of Object.entries(COUNTER_HELP)) this.#addCounter(name, help)
    for (const [name, { help, labels }] of Object.entries(LABELLED_HELP))
      this.#addLabelled(name, help, labels)
    this.#chunkSeconds = new Histogram({
      name: `${METRIC_PREFIX}chunk_seconds`,
      help: 'Time from a chunk taken to its delivery, in seconds.',
      buckets: CHUNK_SECONDS,
      registers: [this.#registry],
    })
  }

  /** Counts under a name without the prefix, `forward_chunks_total`. Names are the program's own, never taken from records. */
  increment(name: string, by = 1): void {
    const counter = this.#counters.get(name) ?? this.#labelled.get(name)?.counter
    ;(counter ?? this.#addCounter(name, 'See the name.')).inc(by)
  }

  /** Counts under a name and labels; the names of the labels are always the same ones for a name. */
  labelled(name: string, labels: Readonly<Record<string, string>>, by = 1): void {
    const { counter, series } =
      this.#labelled.get(name) ?? this.#addLabelled(name, 'See the name.', Object.keys(labels))
    const key = JSON.stringify(Object.entries(labels).sort())
    if (!series.has(key) && series.size >= MAX_SERIES) {
      counter.inc(Object.fromEntries(Object.keys(labels).map(label => [label, OTHER])), by)
      return
    }
    series.add(key)
    counter.inc({ ...labels }, by)
  }

  /** Exports a value that is read whenever metrics are asked for. When `read` throws, the value is NaN. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name: METRIC_PREFIX + name,
      help,
      registers: [this.#registry],
      collect(): void {
        gauge.set(attempt(read))
      },
    })
  }

  /** Exports values that are read whenever metrics are asked for, one for each value of a label. */
  gauges(name: string, help: string, label: string, read: () => Iterable<readonly [string, number]>): void {
    const gauge: Gauge = new Gauge({
      name: METRIC_PREFIX + name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect(): void {
        for (const [value, number] of read()) gauge.set({ [label]: value }, number)
      },
    })
  }

  /** Exports what does not change while the process runs, as labels of a 1. */
  info(name: string, help: string, labels: Readonly<Record<string, string>>): void {
    const gauge = new Gauge({
      name: METRIC_PREFIX + name,
      help,
      labelNames: Object.keys(labels),
      registers: [this.#registry],
    })
    gauge.set({ ...labels }, 1)
  }

  /** Notes how long a chunk took from being taken to being delivered. */
  observeChunk(seconds: number): void {
    this.#chunkSeconds.observe(seconds)
  }

  /** All metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #addCounter(name: string, help: string): Counter {
    const counter = new Counter({ name: METRIC_PREFIX + name, help, registers: [this.#registry] })
    this.#counters.set(name, counter)
    return counter
  }

  #addLabelled(name: string, help: string, labelNames: readonly string[]): LabelledCounter {
    const counter = new Counter({ name: METRIC_PREFIX + name, help, labelNames, registers: [this.#registry] })
    const labelled = { counter, series: new Set<string>() }
    this.#labelled.set(name, labelled)
    return labelled
  }
}

function attempt(read: () => number): number {
  try {
    return read()
  } catch {
    return Number.NaN
  }
}
