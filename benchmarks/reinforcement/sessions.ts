import { openRecording, type Recording, recordedLines } from '../../plugin/cli/demo-recording.js'
import { readSequences } from '../../plugin/cli/sequences.js'
import { LineReader } from '../../plugin/line-reader.js'
import { readTrainingLog, type TrainingLog } from '../../plugin/training-log.js'
import type { KeySequence } from '../../scorer/train/train.js'

/** Sessions to train on and labelled ones to judge. */
export interface LabelledSessions {
  readonly name: string
  readonly training: readonly KeySequence[]
  readonly normal: readonly KeySequence[]
  readonly abnormal: readonly KeySequence[]
  /** False positives are scaled to so many normal sessions. */
  readonly normalPopulation: number
}

/** Rows `id,label,keys` to train on and to judge; without any, the bundled recording. */
export interface SessionOptions {
  readonly train?: readonly string[]
  readonly normal?: readonly string[]
  readonly abnormal?: readonly string[]
  readonly normalPopulation?: number
}

/** @throws RangeError if some of the files are missing */
export async function sessionsOf(options: SessionOptions): Promise<LabelledSessions> {
  const { train, normal, abnormal, normalPopulation } = options
  if (train === undefined) return recordedSessions()
  if (normal === undefined || abnormal === undefined) {
    throw new RangeError('--train goes with --normal and --abnormal')
  }
  const [training, normals, abnormals] = await Promise.all(
    [train, normal, abnormal].map(async paths =>
      (await readSequences(paths)).map(({ keys }) => ({ keys, ended: true })),
    ),
  )
  return {
    name: 'given files',
    training: training!,
    normal: normals!,
    abnormal: abnormals!,
    normalPopulation: normalPopulation ?? normals!.length,
  }
}

/** The bundled PostgreSQL recording: its quiet part to train on, the rest to judge. */
async function recordedSessions(): Promise<LabelledSessions> {
  const recording = await openRecording()
  const log = await readTrainingLog(() => recordedLines(recording, 0, recording.numTrainingLines), {
    rules: { format: 'postgresql', session: { kind: 'regex', pattern: recording.sessionRegex } },
    drain: {},
    isComplete: true,
    seed: 42,
  })
  const bySession = await judgedSessions(recording, log)
  const ofLabel = (isWanted: (fault: string) => boolean): KeySequence[] =>
    [...bySession].flatMap(([session, keys]) => {
      const fault = recording.labels.get(session)
      return fault !== undefined && isWanted(fault) ? [{ keys, ended: true }] : []
    })
  const normal = ofLabel(fault => fault === '')
  return {
    name: 'PostgreSQL recording',
    training: log.sequences,
    normal,
    abnormal: ofLabel(fault => fault !== ''),
    normalPopulation: normal.length,
  }
}

/** Template ids of the lines after the training part, by session. */
async function judgedSessions(
  recording: Recording,
  { drain, rules }: TrainingLog,
): Promise<Map<string, string[]>> {
  const reader = new LineReader(rules)
  const sessions = new Map<string, string[]>()
  for await (const line of recordedLines(recording, recording.numTrainingLines, Number.POSITIVE_INFINITY)) {
    reader.read(line)
    const session = reader.session(line, undefined)
    if (session === undefined) continue
    const { content, contentStart } = reader.slots
    const key = content === undefined ? drain.learnKey(line, contentStart) : drain.learnKey(content)
    const keys = sessions.get(session) ?? []
    keys.push(drain.cluster(key)?.id ?? String(key))
    sessions.set(session, keys)
  }
  return sessions
}
