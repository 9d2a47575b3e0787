import assert from 'node:assert/strict'
import { ForwardOutput } from '../plugin/output/forward.js'
import { BenchStage } from './bench-stage.js'
import { cachedModel } from './cached-model.js'
import { Replay, type ReplayInput } from './replay.js'
import { median } from './statistics.js'

export interface ThroughputOptions extends ReplayInput {
  /** Records a chunk. */
  readonly chunk: number
  /** Timed replays with a warm memo. */
  readonly runs: number
  /** Folder for CPU profiles of the stage. */
  readonly profile?: string
}

interface Rate {
  readonly eventsPerSecond: number
  /** Processor time of the stage, all its threads, in microseconds an event. */
  readonly stageMicroseconds: number
}

const TINY_CACHE_BYTES = 1
/** Chunks of one record: fewer of them, they are slow. */
const MAX_SMALL_RECORDS = 20_000

/**
 * Scored events a second from a sender through the stage to a receiver, over loopback sockets in three processes, every chunk acknowledged from
 * end to end; the sender's and the receiver's own work is in it. Every run checks that each record arrived once and was scored.
 */
export async function run(options: ThroughputOptions): Promise<Record<string, unknown>> {
  const { path, id, format } = await cachedModel(options)
  const replay = await Replay.open(options, format)
  const bench = await BenchStage.start(path, options.profile)
  let number = 0
  const measure = (port: number, chunk = options.chunk, maxRecords?: number): Promise<Rate> =>
    timeReplay(bench, port, replay, { number: number++, chunk, ...(maxRecords && { maxRecords }) })
  try {
    let port = await bench.open()
    const first = await measure(port)
    await measure(port)
    const warm = await times(options.runs, () => measure(port))
    const small = await measure(port, 7)
    const single = await measure(port, 1, MAX_SMALL_RECORDS)
    const { rssBytes } = await bench.usage()
    await bench.close()
    const cold = await times(options.runs, async () => {
      port = await bench.open()
      const rate = await measure(port)
      await bench.close()
      return rate
    })
    port = await bench.open({ cacheBytes: TINY_CACHE_BYTES })
    await measure(port)
    const off = await times(Math.min(2, options.runs), () => measure(port))
    await bench.close()
    const rows = [
      row('first replay of a process (nothing compiled, memo empty)', options.chunk, [first]),
      row('memo empty', options.chunk, cold),
      row('memo warm', options.chunk, warm),
      row('memo warm, small chunks', 7, [small]),
      row('memo warm, single records', 1, [single]),
      row('memo as good as off', options.chunk, off),
    ]
    return {
      eventsPerSecond: rows[2]!.eventsPerSecond,
      coldEventsPerSecond: rows[1]!.eventsPerSecond,
      model: id,
      events: replay.lines.length,
      sessions: replay.numSessions,
      stageMegabytes: Math.round(rssBytes / 2 ** 20),
      runs: options.runs,
      rows,
    }
  } finally {
    await bench.stop()
  }
}

async function times<T>(count: number, measure: () => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let i = 0; i < count; i++) results.push(await measure())
  return results
}

function row(name: string, chunk: number, rates: readonly Rate[]) {
  const perSecond = rates.map(({ eventsPerSecond }) => eventsPerSecond)
  return {
    case: name,
    recordsPerChunk: chunk,
    eventsPerSecond: median(perSecond),
    lowest: Math.min(...perSecond),
    highest: Math.max(...perSecond),
    stageMicrosecondsPerEvent: median(rates.map(({ stageMicroseconds }) => stageMicroseconds)),
  }
}

async function timeReplay(
  bench: BenchStage,
  port: number,
  replay: Replay,
  { number, chunk, maxRecords }: { number: number; chunk: number; maxRecords?: number },
): Promise<Rate> {
  const chunks = replay.chunksOf(number, { chunkRecords: chunk, ...(maxRecords && { maxRecords }) })
  const count = chunks.reduce((sum, one) => sum + one.count, 0)
  await bench.expect(count)
  const sender = new ForwardOutput({ port })
  const before = await bench.usage()
  const started = performance.now()
  await Promise.all(chunks.map(one => sender.send('bench', one.entries, one.count)))
  const seconds = (performance.now() - started) / 1000
  const after = await bench.usage()
  await sender.close()
  const { once, repeated, strange, scored } = await bench.arrivals()
  assert.deepEqual(
    { once, repeated, strange, scored },
    { once: count, repeated: 0, strange: 0, scored: count },
  )
  return {
    eventsPerSecond: Math.round(count / seconds),
    stageMicroseconds: round((1e6 * (after.cpuSeconds - before.cpuSeconds)) / count),
  }
}

const round = (value: number): number => Number(value.toFixed(2))
