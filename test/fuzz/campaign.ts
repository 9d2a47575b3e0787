import { Random } from '../../scorer/random.js'
import { Mutator } from './mutator.js'
import { type FuzzTarget, MAX_INPUT_BYTES } from './target.js'

/** Inputs kept to mutate; beyond it a new one takes the place of another. */
const MAX_KEPT = 2000
/** Longer inputs are not kept: each that is made of them would take its time. */
const MAX_KEPT_BYTES = 1 << 14
/** Ends that are told apart. */
const MAX_ENDS = 5000
/** Time of the processor that any input may take, and what longer ones may take besides. */
const BASE_MS = 250
const MS_PER_KIBIBYTE = 1
/** An input that seems slow is tried so often again, as the machine may have been busy with other things: it is slow if it is each time. */
const SLOW_RETRIES = 3

/** An input that ended as none may. */
export interface Finding {
  readonly input: Buffer
  readonly reason: string
}

export interface CampaignOptions {
  readonly inputs: number
  readonly seed: number
  /** Told of each input before it is run. */
  readonly onInput?: (input: Buffer) => void
  readonly onFinding: (finding: Finding) => void
}

export interface CampaignResult {
  readonly inputs: number
  /** Ways in which inputs ended. */
  readonly ends: number
  readonly slowestMs: number
}

/** Runs a target on its seeds, and then on what mutations make of them and of all that ended in a new way. */
export async function runCampaign(target: FuzzTarget, options: CampaignOptions): Promise<CampaignResult> {
  const random = new Random(options.seed)
  const { seeds, words = [], maxBytes = MAX_INPUT_BYTES } = target
  const mutator = new Mutator(random, words, maxBytes)
  const kept: Uint8Array[] = [...seeds]
  const ends = new Set<string>()
  let slowestMs = 0
  for (let i = 0; i < options.inputs; i++) {
    const pick = (): Uint8Array => kept[random.integer(kept.length)]!
    const input = i < seeds.length ? Buffer.from(seeds[i]!) : mutator.mutate(pick(), pick())
    options.onInput?.(input)
    const { end, ms, reason } = await runOnce(target, input)
    slowestMs = Math.max(slowestMs, ms)
    if (reason !== undefined) options.onFinding({ input, reason })
    if (end === undefined || ends.has(end) || ends.size >= MAX_ENDS) continue
    ends.add(end)
    if (input.length > MAX_KEPT_BYTES) continue
    if (kept.length < MAX_KEPT) kept.push(input)
    else kept[random.integer(kept.length)] = input
  }
  return { inputs: options.inputs, ends: ends.size, slowestMs }
}

interface Run {
  readonly ms: number
  readonly end?: string
  /** Why it is a finding, if it is. */
  readonly reason?: string
}

/** Runs a target on one input, and judges the way it ended. */
export async function runOnce(target: FuzzTarget, input: Buffer): Promise<Run> {
  const run = await timed(target, input)
  const maxMs = BASE_MS + (MS_PER_KIBIBYTE * input.length) / 1024
  if (run.ms <= maxMs) return run
  let leastMs = Number.POSITIVE_INFINITY
  for (let i = 0; i < SLOW_RETRIES && leastMs > maxMs; i++)
    leastMs = Math.min(leastMs, await processorMs(target, input))
  return leastMs <= maxMs
    ? { ...run, ms: leastMs }
    : { ms: leastMs, reason: `took ${Math.round(leastMs)} ms` }
}

async function processorMs(target: FuzzTarget, input: Buffer): Promise<number> {
  const before = process.cpuUsage()
  await timed(target, input)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

async function timed(target: FuzzTarget, given: Buffer): Promise<Run> {
  const input = Buffer.from(given)
  const started = performance.now()
  try {
    const result = target.run(input)
    const end = typeof result === 'string' ? result : await result
    return { end, ms: performance.now() - started }
  } catch (error) {
    return { ms: performance.now() - started, reason: describe(error) }
  }
}

const MAX_REASON_LENGTH = 400

/** The error and where it came from. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${String(error)}`
  const frames = (error.stack ?? '').split('\n').filter(line => line.includes(' at '))
  return [`${error.name}: ${error.message}`, ...frames.slice(0, 3).map(line => line.trim())]
    .join(' | ')
    .slice(0, MAX_REASON_LENGTH)
}
