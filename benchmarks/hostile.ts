import { setTimeout as sleep } from 'node:timers/promises'
import { ForwardOutput } from '../plugin/output/forward.js'
import { Random } from '../scorer/random.js'
import { ATTACKS, type Attack } from './attacks.js'
import { BenchStage } from './bench-stage.js'
import { cachedModel } from './cached-model.js'
import { Replay, type ReplayInput } from './replay.js'

export interface HostileOptions extends ReplayInput {
  readonly minutes: number
}

/** Attackers at the same time. */
const NUM_ATTACKERS = 6
const CHUNK_RECORDS = 100
/** Between chunks of the good sender, in milliseconds. */
const PACE_MS = 20
/** A stage with a model of the default size holds about 300 MB at work, and its limits for frames let attackers add some 900 MB. */
const MAX_RSS_BYTES = 1536 * 2 ** 20
const PARTIAL_TIMEOUT_MS = 2000
const SAMPLE_MS = 200
const SEED = 42

/** Strikes of each attack alone, to see that each is counted for what it is. */
const ROLL_CALL_STRIKES = 5
const ROLL_CALL_PATIENCE_MS = 10_000

/**
 * First each attack strikes alone and must show in its own counters. Then a good sender works while others throw at the stage whatever broken and
 * hostile senders do. `passed`: each attack was counted, every good record arrived exactly once and was scored, the process is up, and its memory
 * stayed within bounds.
 */
export async function run(options: HostileOptions): Promise<Record<string, unknown>> {
  const { path, format } = await cachedModel(options)
  const replay = await Replay.open(options, format)
  const bench = await BenchStage.start(path)
  try {
    const port = await bench.open({ partialTimeoutMs: PARTIAL_TIMEOUT_MS })
    const rollCall: Call[] = []
    for (const attack of ATTACKS) rollCall.push(await callUp(attack, bench, port))
    const deadline = performance.now() + options.minutes * 60_000
    const isOver = (): boolean => performance.now() > deadline || !bench.isUp
    const attackers = Array.from({ length: NUM_ATTACKERS }, (_, i) => attackUntil(isOver, port, SEED + i))
    const peak = watchMemory(bench, isOver)
    const sent = await sendUntil(isOver, bench, port, replay, options.minutes)
    const strikes = mergeCounts(await Promise.all(attackers))
    const maxRssBytes = await peak
    const { once, repeated, strange, scored } = await bench.arrivals()
    const counts = await bench.counts()
    const checks = {
      'the process is up': bench.isUp,
      'every good record arrived once': once === sent && repeated === 0,
      'every good record was scored': scored === sent,
      [`memory stayed under ${MAX_RSS_BYTES / 2 ** 20} MiB`]: maxRssBytes <= MAX_RSS_BYTES,
      'each attack was counted in its own counters': rollCall.every(({ counted, due }) => counted >= due),
    }
    return {
      passed: Object.values(checks).every(Boolean),
      minutes: options.minutes,
      goodRecords: sent,
      hostileRecordsThatPassed: strange,
      maxRssMebibytes: Math.round(maxRssBytes / 2 ** 20),
      checks: Object.entries(checks).map(([check, holds]) => ({ check, holds })),
      rollCall,
      attacks: Object.entries(strikes).map(([attack, times]) => ({ attack, times })),
      counters: Object.entries(counts)
        .sort()
        .map(([counter, value]) => ({ counter, value })),
    }
  } finally {
    await bench.stop()
  }
}

interface Call {
  readonly attack: string
  readonly strikes: number
  /** How much the attack's own counters grew, and how much they had to. */
  readonly counted: number
  readonly due: number
}

async function callUp(attack: Attack, bench: BenchStage, port: number): Promise<Call> {
  const random = new Random(SEED)
  const total = async (): Promise<number> => sumOf(await bench.counts(), attack.countedAs)
  const before = await total()
  for (let i = 0; i < ROLL_CALL_STRIKES; i++) await attack.strike(port, random)
  const due = attack.perStrike * ROLL_CALL_STRIKES
  const deadline = performance.now() + ROLL_CALL_PATIENCE_MS
  let counted = 0
  do {
    counted = (await total()) - before
  } while (counted < due && performance.now() < deadline && (await sleep(SAMPLE_MS, true)))
  return { attack: attack.name, strikes: ROLL_CALL_STRIKES, counted, due }
}

function sumOf(counts: Readonly<Record<string, number>>, beginnings: readonly string[]): number {
  return Object.entries(counts)
    .filter(([name]) => beginnings.some(beginning => name.startsWith(beginning)))
    .reduce((sum, [, count]) => sum + count, 0)
}

async function attackUntil(
  isOver: () => boolean,
  port: number,
  seed: number,
): Promise<Record<string, number>> {
  const random = new Random(seed)
  const strikes: Record<string, number> = {}
  while (!isOver()) {
    const { name, strike } = ATTACKS[Math.floor(random.uniform() * ATTACKS.length)]!
    await strike(port, random)
    strikes[name] = (strikes[name] ?? 0) + 1
  }
  return strikes
}

/** Sends numbered records with acks, paced, until the time is over. @returns how many */
async function sendUntil(
  isOver: () => boolean,
  bench: BenchStage,
  port: number,
  replay: Replay,
  minutes: number,
): Promise<number> {
  // More than can be sent in the time, as chunks are paced.
  await bench.expect(Math.ceil(minutes * (60_000 / PACE_MS) * CHUNK_RECORDS) + 2 * replay.lines.length)
  const sender = new ForwardOutput({ port })
  const sent: Promise<void>[] = []
  let count = 0
  for (let number = 0; !isOver(); number++) {
    for (const chunk of replay.chunksOf(number, { chunkRecords: CHUNK_RECORDS, firstNumber: count })) {
      if (isOver()) break
      sent.push(sender.send('good', chunk.entries, chunk.count))
      count += chunk.count
      await sleep(PACE_MS)
    }
  }
  await Promise.all(sent)
  await sender.close()
  return count
}

async function watchMemory(bench: BenchStage, isOver: () => boolean): Promise<number> {
  let most = 0
  while (!isOver()) {
    most = Math.max(most, (await bench.usage()).rssBytes)
    await sleep(SAMPLE_MS)
  }
  return most
}

function mergeCounts(all: readonly Record<string, number>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const counts of all)
    for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count
  return Object.fromEntries(Object.entries(sum).sort())
}
