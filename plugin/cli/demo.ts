import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { train } from '../../scorer/train/train.js'
import { type Chunk, entryEnd, entryTimeMs, recordStart } from '../chunk.js'
import { ForwardServer } from '../input/forward.js'
import { writeModel } from '../model.js'
import { decodeRecord } from '../msgpack/decode.js'
import { encodeRecord } from '../msgpack/encode.js'
import { PackWriter } from '../msgpack/write.js'
import { ForwardOutput } from '../output/forward.js'
import { ForwardSink } from '../output/forward-sink.js'
import { Service } from '../service.js'
import { readTrainingLog } from '../training-log.js'
import type { SessionSummary, Verdict } from '../verdict.js'
import { openRecording, type Recording, recordedLines } from './demo-recording.js'
import { explained, f1, faultTable, figures, type SessionResult } from './demo-report.js'
import { emit } from './terminal.js'
import { trainingBar } from './training-bar.js'

/** Records in a chunk of the replay, about what Fluent Bit sends at a time on a quiet node. */
const CHUNK_RECORDS = 500
const ERROR_LEVEL = /\b(ERROR|FATAL|PANIC):/

/** `logneo demo`: train on the recording's quiet part, replay the part with faults over the Forward protocol, print what was caught. */
export async function demoCommand(options: { readonly progress?: boolean }): Promise<void> {
  const recording = await openRecording()
  const folder = await mkdtemp(join(tmpdir(), 'logneo-demo-'))
  try {
    await emit(`LogNEO demo: a real PostgreSQL server was recorded at work, then faults were injected.\n\n`)
    await trainOn(recording, folder, options.progress)
    const replay = await replayFaults(recording, folder)
    await emit(report(recording, replay))
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function trainOn(recording: Recording, folder: string, progress: boolean | undefined): Promise<void> {
  await emit(
    `1. Training on the first ${recording.numTrainingLines.toLocaleString('en-US')} lines (no faults), on the CPU...\n`,
  )
  const log = await readTrainingLog(() => recordedLines(recording, 0, recording.numTrainingLines), {
    rules: { format: 'postgresql', session: { kind: 'regex', pattern: recording.sessionRegex } },
    drain: {},
    isComplete: true,
    seed: 42,
  })
  const bar = trainingBar(progress, '   training')
  const model = await train(log.sequences, {}, bar.listener)
  bar.stop()
  const id = await writeModel(folder, model, log)
  await emit(
    `   ${log.drain.size} templates, ${log.sequences.length.toLocaleString('en-US')} sessions, model ${id} in ${model.training.seconds.toFixed(0)} s\n\n`,
  )
}

interface Replay {
  readonly results: Map<string, SessionResult>
  readonly numLines: number
  readonly seconds: number
}

/** Sends the rest of the recording to a stage and collects what comes out of it, all over real sockets. */
async function replayFaults(recording: Recording, model: string): Promise<Replay> {
  await emit(
    '2. Replaying the rest over the Fluent Forward protocol: sender -> logneo -> receiver, acknowledged end to end...\n',
  )
  const results = new Map<string, SessionResult>()
  const receiver = new ForwardServer({ port: 0, ownTagPrefix: '' }, async chunk => collect(chunk, results))
  const { port } = await receiver.listen()
  const service = await Service.open({
    stage: { model },
    forward: { port: 0 },
    outputs: [new ForwardSink({ port }, { increment() {} })],
    counters: { increment() {} },
  })
  const address = await service.listen()
  const sender = new ForwardOutput({ port: address!.port })
  const started = performance.now()
  const numLines = await send(recording, sender)
  const seconds = (performance.now() - started) / 1000
  await sender.close()
  // The recording ends with the server's regular stop, so what is open now has ended.
  for (const summary of await service.stage.finish('complete')) noteSummary(summary, results)
  await service.stop()
  await receiver.close()
  await emit(
    `   ${numLines.toLocaleString('en-US')} records in ${seconds.toFixed(1)} s, ${Math.round(numLines / seconds).toLocaleString('en-US')} a second\n\n`,
  )
  return { results, numLines, seconds }
}

async function send(recording: Recording, sender: ForwardOutput): Promise<number> {
  const writer = new PackWriter()
  const sent: Promise<void>[] = []
  let numLines = 0
  let count = 0
  const flush = (): void => {
    if (count > 0) sent.push(sender.send('postgresql', writer.take(), count))
    count = 0
  }
  for await (const line of recordedLines(recording, recording.numTrainingLines, Number.POSITIVE_INFINITY)) {
    writer.arrayHeader(2)
    writer.eventTimeMs(Date.now())
    encodeRecord(writer, { message: line })
    numLines++
    if (++count === CHUNK_RECORDS) flush()
  }
  flush()
  await Promise.all(sent)
  return numLines
}

function collect({ entries }: Chunk, results: Map<string, SessionResult>): void {
  for (let i = 0; i < entries.count; i++) {
    if (Number.isNaN(entryTimeMs(entries, i))) continue
    const record = decodeRecord(entries.buffer, recordStart(entries, i), entryEnd(entries, i))
    const verdict = record.logneo as Verdict | SessionSummary
    if ('kind' in verdict) noteSummary(verdict, results)
    else if (verdict.session !== undefined)
      noteLine(String(record.message), verdict, verdict.session, results)
  }
}

function noteLine(
  line: string,
  verdict: Verdict,
  session: string,
  results: Map<string, SessionResult>,
): void {
  let result = results.get(session)
  if (result === undefined) {
    result = { lines: [], isFlagged: false, worst: undefined, hasError: false }
    results.set(session, result)
  }
  result.lines.push(line)
  result.hasError ||= ERROR_LEVEL.test(line)
  if (verdict.anomaly !== true) return
  result.isFlagged = true
  if (result.worst === undefined || verdict.score! > result.worst.verdict.score!) {
    result.worst = { verdict, line: result.lines.length - 1 }
  }
}

function noteSummary(summary: SessionSummary, results: Map<string, SessionResult>): void {
  const result = results.get(summary.session)
  if (result === undefined || !summary.anomaly) return
  result.isFlagged = true
  if (
    summary.reasons.includes('session-end') &&
    (result.worst === undefined || summary.score > result.worst.verdict.score!)
  ) {
    result.worst = { verdict: summary, line: result.lines.length - 1 }
  }
}

function report({ labels }: Recording, { results }: Replay): string {
  const ours = figures(results, labels, ({ isFlagged }) => isFlagged)
  const rule = figures(results, labels, ({ hasError }) => hasError)
  const numNormal = [...results.keys()].filter(session => labels.get(session) === '').length
  const injected = ours.truePositives + ours.falseNegatives
  return `3. What was injected and what was caught

${faultTable(results, labels)}

  ${injected} sessions with faults, ${ours.truePositives} caught; ${numNormal.toLocaleString('en-US')} ordinary sessions, ${ours.falsePositives} falsely flagged.
  F1 ${f1(ours).toFixed(3)}; the rule "a line of level ERROR or worse" reaches ${f1(rule).toFixed(3)}.

4. One of them explained (no line of it says ERROR)

${explained(results, labels)}

Next: logneo train --input YOUR.log --session-regex 'RE' --out model   (logneo --help shows more)
`
}
