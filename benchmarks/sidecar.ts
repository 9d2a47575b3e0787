import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from '../plugin/engine.js'
import { createStage } from '../plugin/stage.js'
import { Random } from '../scorer/random.js'
import { BEGIN, NUM_SPECIALS } from '../scorer/vocabulary.js'
import { SidecarClient } from '../sidecar/client.js'
import { cachedModel } from './cached-model.js'
import { Replay, type ReplayInput } from './replay.js'
import { SidecarChild } from './sidecar-child.js'
import { median } from './statistics.js'

export interface SidecarBenchOptions extends ReplayInput {
  /** Lines that are judged in a call. */
  readonly chunk: number
  /** Pairs of timed replays: one in process, one through the sidecar. */
  readonly runs: number
}

/** The least memo there is holds three contexts, so that few lines are asked about together. */
const TINY_CACHE_BYTES = 1
/** Calls under way: one being computed, one being prepared, as with chunks from the wire. */
const MAX_CALLS = 2

interface Case {
  readonly name: string
  /** Memory of the stage's memo. Default: that of the scorer. */
  readonly cacheBytes?: number
  /** Whether the stage that is timed has judged a replay before. */
  readonly isWarm: boolean
}

const CASES: readonly Case[] = [
  { name: 'memo of the stage warm', isWarm: true },
  { name: 'memo of the stage empty', isWarm: false },
  { name: 'memo of three contexts: ten lines or so at a time', cacheBytes: TINY_CACHE_BYTES, isWarm: false },
]

/**
 * Events a second from lines to verdicts, with the model in this process and in a sidecar, in turns: `eventsPerSecond` through the sidecar with a
 * warm memo. `socketEventsPerSecond`: events that all go over the socket, in requests of 500, and that the sidecar remembers. Every run checks
 * that all lines were scored.
 */
export async function run(options: SidecarBenchOptions): Promise<Record<string, unknown>> {
  const { path, id, format } = await cachedModel(options)
  const replay = await Replay.open(options, format)
  const folder = await mkdtemp(join(tmpdir(), 'ln-bench-'))
  const address = `unix:${join(folder, 's.sock')}`
  const sidecar = await SidecarChild.start(path, address)
  const numbers = { next: 0 }
  try {
    const rows = []
    for (const one of CASES) {
      const pairs: { inProcess: number; sidecar: number }[] = []
      for (let run = 0; run < options.runs; run++) {
        const inProcess = await timeStage({ model: path, ...one }, replay, options.chunk, numbers)
        pairs.push({
          inProcess,
          sidecar: await timeStage(
            { model: path, ...one, sidecar: { address } },
            replay,
            options.chunk,
            numbers,
          ),
        })
      }
      rows.push(row(one.name, pairs))
    }
    return {
      eventsPerSecond: rows[0]!.sidecar,
      socketEventsPerSecond: await timeSocket(address, id),
      model: id,
      events: replay.lines.length,
      runs: options.runs,
      rows,
    }
  } finally {
    await sidecar.stop()
    await rm(folder, { recursive: true })
  }
}

const SOCKET_SESSIONS = 500
const SOCKET_LENGTH = 40
const SOCKET_EVENTS = 500

/** @returns events a second, asked in requests of which two are under way; those of sessions of 40 random keys */
async function timeSocket(address: string, model: string): Promise<number> {
  const client = new SidecarClient({ address }, model)
  try {
    await client.firstAttempt()
    const requests = randomRequests(client.hello!.vocabularySize)
    await sendAll(client, requests)
    const rates: number[] = []
    for (let run = 0; run < 3; run++) rates.push(await sendAll(client, requests))
    return median(rates)
  } finally {
    client.close()
  }
}

interface Events {
  readonly prefixes: number[][]
  readonly observed: number[]
}

function randomRequests(vocabularySize: number): Events[] {
  const random = new Random(42)
  const requests: Events[] = []
  for (let session = 0; session < SOCKET_SESSIONS; session++) {
    const tokens = [BEGIN]
    for (let i = 0; i < SOCKET_LENGTH; i++) {
      if (requests.length === 0 || requests.at(-1)!.observed.length === SOCKET_EVENTS)
        requests.push({ prefixes: [], observed: [] })
      const token = NUM_SPECIALS + random.integer(vocabularySize - NUM_SPECIALS)
      requests.at(-1)!.prefixes.push(tokens.slice())
      requests.at(-1)!.observed.push(token)
      tokens.push(token)
    }
  }
  return requests
}

async function sendAll(client: SidecarClient, requests: readonly Events[]): Promise<number> {
  const underWay: Promise<unknown>[] = []
  const started = performance.now()
  for (const request of requests) {
    underWay.push(client.score({ ...request, top: 4 }))
    if (underWay.length >= MAX_CALLS) await underWay.shift()
  }
  await Promise.all(underWay)
  return Math.round((1000 * SOCKET_SESSIONS * SOCKET_LENGTH) / (performance.now() - started))
}

function row(name: string, pairs: readonly { readonly inProcess: number; readonly sidecar: number }[]) {
  const ratios = pairs.map(pair => pair.sidecar / pair.inProcess)
  return {
    case: name,
    inProcess: median(pairs.map(pair => pair.inProcess)),
    sidecar: median(pairs.map(pair => pair.sidecar)),
    ratio: Number(median(ratios).toFixed(2)),
    lowestRatio: Number(Math.min(...ratios).toFixed(2)),
    highestRatio: Number(Math.max(...ratios).toFixed(2)),
  }
}

interface Setting extends Case {
  readonly model: string
  readonly sidecar?: { readonly address: string }
}

async function timeStage(
  { model, sidecar, cacheBytes, isWarm }: Setting,
  replay: Replay,
  chunk: number,
  numbers: { next: number },
): Promise<number> {
  const scorer = cacheBytes === undefined ? {} : { cacheBytes }
  const stage = await createStage({ model, scorer, ...(sidecar && { sidecar }) })
  try {
    if (isWarm) await judge(stage.engine, replay.linesOf(numbers.next++), chunk)
    return await judge(stage.engine, replay.linesOf(numbers.next++), chunk)
  } finally {
    await stage.close()
  }
}

/** @returns events a second */
async function judge(engine: Engine, lines: readonly string[], chunk: number): Promise<number> {
  const inputs = lines.map(line => ({ line, timeMs: Number.NaN }))
  const underWay: Promise<number>[] = []
  let numScored = 0
  const started = performance.now()
  for (let from = 0; from < inputs.length; from += chunk) {
    const judged = engine.judge(inputs.slice(from, from + chunk))
    underWay.push(judged.then(({ verdicts }) => verdicts.filter(({ status }) => status === 'scored').length))
    if (underWay.length >= MAX_CALLS) numScored += await underWay.shift()!
  }
  for (const rest of underWay) numScored += await rest
  const seconds = (performance.now() - started) / 1000
  assert.equal(numScored, lines.length, 'every line was scored')
  return Math.round(lines.length / seconds)
}
