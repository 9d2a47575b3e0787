import assert from 'node:assert/strict'
import { createStage, type Stage } from '../plugin/stage.js'
import { cachedModel } from './cached-model.js'
import { Replay, type ReplayInput } from './replay.js'
import { median } from './statistics.js'

export interface StoreOptions extends ReplayInput {
  /** The Redis server: `redis://HOST:PORT`. What is written there goes by itself after a day. */
  readonly url: string
  /** Lines a chunk. */
  readonly chunk: number
  /** Chunks under way at a time. */
  readonly window: number
  readonly runs: number
}

/**
 * Scored events a second with sessions in this process and with sessions in Redis, chunk after chunk, without sockets to senders and receivers. The
 * two take turns, so that what else the machine does meets both. Every run checks that each line was scored.
 */
export async function run(options: StoreOptions): Promise<Record<string, unknown>> {
  const { path, id, format } = await cachedModel(options)
  const replay = await Replay.open(options, format)
  const prefix = `bench-${process.pid}-`
  let number = 0
  const shared = (): Promise<Stage> =>
    createStage({ model: path, store: { url: options.url, prefix: `${prefix}${number++}` } })
  const local = (): Promise<Stage> => createStage({ model: path })
  const rates: Record<'local' | 'redis' | 'oneByOne', Rate[]> = { local: [], redis: [], oneByOne: [] }
  for (let i = 0; i < options.runs; i++) {
    rates.local.push(await rate(await local(), replay.lines, options))
    rates.redis.push(await rate(await shared(), replay.lines, options))
    rates.oneByOne.push(await rate(await shared(), replay.lines, { ...options, window: 1 }))
  }
  return {
    model: id,
    events: replay.lines.length,
    sessions: replay.numSessions,
    rows: [
      row('sessions in the process', rates.local),
      row(`sessions in Redis, ${options.window} chunks under way`, rates.redis),
      row('sessions in Redis, one chunk at a time', rates.oneByOne),
    ],
  }
}

interface Rate {
  readonly eventsPerSecond: number
  /** Processor time of this process, all its threads, in microseconds an event. */
  readonly microseconds: number
}

function row(name: string, rates: readonly Rate[]) {
  const perSecond = rates.map(({ eventsPerSecond }) => eventsPerSecond)
  return {
    case: name,
    eventsPerSecond: median(perSecond),
    lowest: Math.min(...perSecond),
    highest: Math.max(...perSecond),
    microsecondsPerEvent: median(rates.map(({ microseconds }) => microseconds)),
  }
}

/** The model's memo of prefixes is empty at first, as in a stage that has just started. */
async function rate(
  stage: Stage,
  lines: readonly string[],
  { chunk, window }: Pick<StoreOptions, 'chunk' | 'window'>,
): Promise<Rate> {
  const started = performance.now()
  const before = process.cpuUsage()
  const underWay: Promise<number>[] = []
  let numScored = 0
  for (let from = 0; from < lines.length; from += chunk) {
    underWay.push(numScoredOf(stage, lines.slice(from, from + chunk), String(from)))
    if (underWay.length >= window) numScored += await underWay.shift()!
  }
  for (const one of underWay) numScored += await one
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(before)
  await stage.close()
  assert.equal(numScored, lines.length)
  return {
    eventsPerSecond: Math.round(lines.length / seconds),
    microseconds: Number(((user + system) / lines.length).toFixed(1)),
  }
}

async function numScoredOf(stage: Stage, lines: readonly string[], name: string): Promise<number> {
  const inputs = lines.map(line => ({ line, timeMs: Number.NaN }))
  const { verdicts } = await stage.store.judge(inputs, { name })
  stage.store.delivered({ name })
  return verdicts.filter(({ status }) => status !== 'unscored').length
}
