import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { Drain, detectFormat, HeaderFormat, LinearRegex } from '../drain/index.js'
import { makeLines, makeManyTemplates } from './drain-lines.js'

export interface DrainBenchOptions {
  /** Log file, plain or .gz, one record a line. Default: generated lines. */
  readonly input?: string
  /** Timed runs after one that warms up. */
  readonly runs: number
}

const NUM_GENERATED_LINES = 100_000
const NUM_MANY_TEMPLATES = 5_000

/**
 * Lines a second on one thread. `linesPerSecond` takes the header off and learns with the default masks; the others
 * time a part of that, or lines of many templates in one place of the tree. Each is the median of the runs, with its
 * spread beside it. Every run's answers are checked.
 */
export async function run({ input, runs }: DrainBenchOptions): Promise<Record<string, unknown>> {
  const lines = input === undefined ? makeLines(NUM_GENERATED_LINES) : readLines(input)
  const { name } = detectFormat(lines)
  const contents = lines.map(line => HeaderFormat.parse(name).content(line))
  const many = makeManyTemplates(NUM_MANY_TEMPLATES)
  const { drain, keys, snapshotBytesPerCluster } = learnOnce(contents)
  const isSame = (answer: Int32Array) => assert.deepEqual(answer, keys)
  const total = time(runs, lines.length, () => learnWithHeader(lines, name), isSame)
  return {
    linesPerSecond: total.median,
    linesPerSecondSpread: [total.min, total.max],
    lines: lines.length,
    format: name,
    templates: drain.size,
    snapshotBytesPerCluster,
    learnLinesPerSecond: time(runs, contents.length, () => learn(new Drain(), contents), isSame).median,
    matchLinesPerSecond: time(runs, contents.length, () => match(drain, contents), isSame).median,
    headerLinesPerSecond: time(runs, lines.length, () => countHeaders(lines, name), isCountOf(lines)).median,
    manyTemplatesLinesPerSecond: time(
      runs,
      many.length,
      () => learn(new Drain(), many),
      answer => assert.equal(new Set(answer).size, NUM_MANY_TEMPLATES),
    ).median,
    regexLinesPerSecond: time(runs, lines.length, () => countMatches(lines), isCountOf(lines)).median,
    runs,
  }
}

function readLines(path: string): string[] {
  const bytes = readFileSync(path)
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  return (isGzip ? gunzipSync(bytes) : bytes).toString().trimEnd().split('\n')
}

/** What every later run must repeat, and the size of what was learnt when stored. */
function learnOnce(contents: readonly string[]) {
  const drain = new Drain()
  const keys = learn(drain, contents)
  const lineSum = drain.clusters().reduce((sum, cluster) => sum + cluster.numLines, 0)
  assert.equal(lineSum, contents.length, 'every line is in one cluster')
  const snapshotBytesPerCluster = Math.round(JSON.stringify(drain.toSnapshot().clusters).length / drain.size)
  return { drain, keys, snapshotBytesPerCluster }
}

function learnWithHeader(lines: readonly string[], name: string): Int32Array {
  const format = HeaderFormat.parse(name)
  const drain = new Drain()
  const keys = new Int32Array(lines.length)
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    format.read(line)
    const { contentStart, content } = format.slots
    keys[i] = content === undefined ? drain.learnKey(line, contentStart) : drain.learnKey(content)
  }
  return keys
}

function learn(drain: Drain, contents: readonly string[]): Int32Array {
  return Int32Array.from(contents, line => drain.learnKey(line))
}

function match(drain: Drain, contents: readonly string[]): Int32Array {
  return Int32Array.from(contents, line => drain.matchKey(line))
}

function countHeaders(lines: readonly string[], name: string): number {
  const format = HeaderFormat.parse(name)
  let fit = 0
  for (const line of lines) if (format.read(line)) fit++
  return fit
}

function countMatches(lines: readonly string[]): number {
  const regex = LinearRegex.compile('blk_-?\\d+')
  let found = 0
  for (const line of lines) if (regex.extract(line) !== undefined) found++
  return found
}

/** Checks that a count of lines is one, no more than there are. */
function isCountOf(lines: readonly string[]): (count: number) => void {
  return count => assert.ok(count >= 0 && count <= lines.length)
}

/** Rates of a piece of work on so many lines, lines a second, after one run to warm up. */
function time<Answer>(runs: number, numLines: number, work: () => Answer, check: (answer: Answer) => void) {
  check(work())
  const rates = Array.from({ length: Math.max(runs, 1) }, () => {
    const start = performance.now()
    const answer = work()
    const rate = Math.round((numLines / (performance.now() - start)) * 1_000)
    check(answer)
    return rate
  }).sort((a, b) => a - b)
  return { median: rates[Math.floor(rates.length / 2)]!, min: rates[0]!, max: rates[rates.length - 1]! }
}
