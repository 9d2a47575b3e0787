import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { ForwardOutput } from '../plugin/output/forward.js'
import { BenchStage } from './bench-stage.js'
import { cachedModel } from './cached-model.js'
import { type PackedChunk, Replay, type ReplayInput } from './replay.js'
import { quantile } from './statistics.js'

export interface LatencyOptions extends ReplayInput {
  /** Records a second, each in a chunk of its own. */
  readonly rate: number
  /** How long is measured. */
  readonly seconds: number
}

const WARM_UP_SECONDS = 5
const MAX_ONE_BY_ONE = 2000

/**
 * Milliseconds from the sending of a record to its arrival, tagged, at the receiver: `p50Milliseconds`, `p95Milliseconds` and `p99Milliseconds` at
 * a fixed rate, which waits for nothing; and with one record on its way at a time, its acknowledgement awaited.
 */
export async function run(options: LatencyOptions): Promise<Record<string, unknown>> {
  const { rate, seconds } = options
  const { path, id, format } = await cachedModel(options)
  const replay = await Replay.open(options, format)
  const bench = await BenchStage.start(path)
  try {
    const port = await bench.open()
    const singles = (number: number, records: number): PackedChunk[] =>
      replay.chunksOf(number, { chunkRecords: 1, maxRecords: records })
    await measure(bench, port, singles(0, WARM_UP_SECONDS * rate), sendAtRate(rate))
    const atRate = await measure(bench, port, singles(1, seconds * rate), sendAtRate(rate))
    const oneByOne = await measure(bench, port, singles(2, MAX_ONE_BY_ONE), sendOneByOne)
    await bench.close()
    const rows = [row(`${rate} records a second`, atRate), row('one at a time', oneByOne)]
    return { ...percentiles(atRate), recordsPerSecond: rate, records: atRate.length, model: id, rows }
  } finally {
    await bench.stop()
  }
}

type Send = (sender: ForwardOutput, chunks: readonly PackedChunk[], sentMs: Float64Array) => Promise<void>

/** Sends chunks and returns how long each was under way, in milliseconds. */
async function measure(
  bench: BenchStage,
  port: number,
  chunks: readonly PackedChunk[],
  send: Send,
): Promise<Float64Array> {
  await bench.expect(chunks.length)
  const sender = new ForwardOutput({ port })
  const sentMs = new Float64Array(chunks.length)
  await send(sender, chunks, sentMs)
  await sender.close()
  const { once, scored } = await bench.arrivals()
  assert.deepEqual({ once, scored }, { once: chunks.length, scored: chunks.length })
  return (await bench.times()).map((arrived, i) => arrived - sentMs[i]!)
}

/** Timers are no finer than a millisecond: at each all chunks that are due leave. */
function sendAtRate(rate: number): Send {
  return async (sender, chunks, sentMs) => {
    const started = nowMs()
    const sent: Promise<void>[] = []
    while (sent.length < chunks.length) {
      const due = Math.min(chunks.length, Math.floor(((nowMs() - started) * rate) / 1000) + 1)
      while (sent.length < due) {
        const i = sent.length
        sentMs[i] = nowMs()
        sent.push(sender.send('bench', chunks[i]!.entries, 1))
      }
      await sleep(1)
    }
    await Promise.all(sent)
  }
}

async function sendOneByOne(
  sender: ForwardOutput,
  chunks: readonly PackedChunk[],
  sentMs: Float64Array,
): Promise<void> {
  for (const [i, { entries }] of chunks.entries()) {
    sentMs[i] = nowMs()
    await sender.send('bench', entries, 1)
  }
}

/** The monotonic clock, which processes share. */
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

function percentiles(delays: Float64Array) {
  const at = (q: number): number => Number(quantile(delays, q).toFixed(3))
  return { p50Milliseconds: at(0.5), p95Milliseconds: at(0.95), p99Milliseconds: at(0.99) }
}

function row(name: string, delays: Float64Array) {
  return { case: name, ...percentiles(delays), worst: Number(quantile(delays, 1).toFixed(3)) }
}
