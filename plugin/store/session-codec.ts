import { Tally } from '../../scorer/composition/tally.js'
import { DETECTOR_NAMES } from '../../scorer/detectors/detector.js'
import { isDetectorName } from '../../scorer/judge.js'
import { type Oddity, oddityName, odditySchema } from '../adopt/oddity.js'
import { decodeValue } from '../msgpack/decode.js'
import { encodeRecord } from '../msgpack/encode.js'
import { PackWriter } from '../msgpack/write.js'
import type { Clue, HeldSession, HeldSessions, Memory, Session } from '../session.js'
import { Unpacked } from './unpacked.js'

/** Changes whenever what is written does; state in another version is not read. */
export const SESSION_FORMAT = 2

/** What an id holds, and when it was touched in the order of all ids. */
export interface CarriedSessions extends HeldSessions {
  readonly touch: number
}

/** What decoded sessions must fit. */
export interface CodecModel {
  /** The memory of a session that has just begun. */
  readonly begin: () => Memory
  readonly vocabularySize: number
  /** Tokens of a context at most. */
  readonly contextLength: number
}

/**
 * Sessions as bytes and back: msgpack arrays, places instead of names, numbers in their shortest form. Tokens are those of the bundle, everything
 * else (templates, detectors' sentences) is told by ids and texts, so that any replica with the same bundle reads what another one wrote. Left out
 * is what only one process can use: where a prefix stands in its tree, and the pace of lines by its own steady clock.
 */
export class SessionCodec {
  readonly #writer = new PackWriter()

  /** The bytes of what an id holds. */
  encode({ id, touch, held }: CarriedSessions): Buffer {
    const writer = this.#writer
    writer.reset()
    writer.arrayHeader(4)
    writer.uint(SESSION_FORMAT)
    writer.str(id)
    writer.number(touch)
    writer.arrayHeader(held.length)
    for (const one of held) writeHeld(writer, one)
    return Buffer.from(writer.view())
  }

  /** What was encoded. @throws RangeError when the bytes are damaged or of another version */
  decode(bytes: Buffer, model: CodecModel): CarriedSessions {
    const items = new Unpacked(decodeValue(bytes, 0, bytes.length))
    const format = items.count()
    if (format !== SESSION_FORMAT)
      throw new RangeError(`stored state has format ${format}, this is ${SESSION_FORMAT}`)
    const id = items.text()
    const touch = items.number()
    return { id, touch, held: items.listOf(list => readHeld(list.list(), model)) }
  }
}

function writeHeld(writer: PackWriter, { session, touchedWallMs, doubtedMs, startMs }: HeldSession): void {
  writer.arrayHeader(16)
  writer.number(startMs)
  writer.number(touchedWallMs)
  writer.number(doubtedMs)
  writer.str(session.id)
  writer.uint(session.numEvents)
  writer.number(session.firstMs)
  writer.number(session.lastMs)
  writeText(writer, session.lastTemplate)
  writeNumbers(writer, session.context.tokens)
  writeTally(writer, [...session.tally.entries()])
  writeNumbers(writer, session.standing.evidence)
  writeNumbers(writer, session.standing.detectors)
  writeClues(writer, session.clues)
  writeFindings(writer, session.findings)
  writeTrail(writer, session.trail)
  encodeRecord(writer, session.history ?? null)
}

function readHeld(items: Unpacked, model: CodecModel): HeldSession {
  const [startMs, touchedWallMs, doubtedMs] = [items.number(), items.number(), items.number()]
  const fresh = model.begin()
  const session: Session = {
    id: items.text(),
    numEvents: items.count(),
    firstMs: items.number(),
    lastMs: items.number(),
    lastTemplate: items.optionalText(),
    context: { ...fresh.context, tokens: readTokens(items, model) },
    tally: Tally.restore(readPairs(items.list(), model)),
    ...readStanding(items, fresh),
    findings: readFindings(items.list()),
    trail: readTrail(items),
    history: items.optionalListOf(list => list.text()),
    origin: undefined,
  }
  return { session, startMs, touchedWallMs, doubtedMs }
}

function readTokens(items: Unpacked, model: CodecModel): number[] {
  const tokens = items.listOf(list => readToken(list, model))
  if (tokens.length === 0 || tokens.length > model.contextLength)
    throw new RangeError(`stored state has a context of ${tokens.length} tokens`)
  return tokens
}

function readToken(items: Unpacked, { vocabularySize }: CodecModel): number {
  const token = items.count()
  if (token >= vocabularySize) throw new RangeError(`stored state has token ${token} of ${vocabularySize}`)
  return token
}

function* readPairs(items: Unpacked, model: CodecModel): Generator<readonly [number, number]> {
  while (!items.isOver) yield [readToken(items, model), items.count()]
}

/** Evidence of a stage that uses other detectors is of no use here: it is gathered anew. */
function readStanding(items: Unpacked, { standing }: Memory): Pick<Memory, 'standing' | 'clues'> {
  const evidence = items.listOf(list => list.number())
  const detectors = items.listOf(list => list.count())
  const clues = readClues(items.list())
  const numViews = standing.evidence.length
  const isSame =
    evidence.length === numViews &&
    detectors.length === numViews &&
    clues.length <= numViews &&
    detectors.every(index => index < DETECTOR_NAMES.length)
  return isSame ? { standing: { evidence, detectors }, clues } : { standing, clues: [] }
}

function writeClues(writer: PackWriter, clues: Memory['clues']): void {
  writer.arrayHeader(clues.length)
  for (let view = 0; view < clues.length; view++) {
    const clue = clues[view]
    writer.arrayHeader(clue === undefined ? 0 : 3)
    if (clue === undefined) continue
    writer.strCached(clue.detector)
    writer.number(clue.surprise)
    writer.str(clue.message)
  }
}

function readClues(items: Unpacked): (Clue | undefined)[] {
  const clues: (Clue | undefined)[] = []
  while (!items.isOver) {
    const clue = items.list()
    clues.push(clue.isOver ? undefined : readClue(clue))
  }
  return clues
}

function readClue(items: Unpacked): Clue {
  const detector = items.text()
  if (!isDetectorName(detector)) throw new RangeError(`stored state names an unknown detector`)
  return { detector, surprise: items.number(), message: items.text() }
}

function writeFindings(writer: PackWriter, findings: Session['findings']): void {
  writer.arrayHeader(6)
  writer.number(findings.score)
  writer.uint(findings.numAnomalies)
  writer.arrayHeader(findings.reasons.size)
  for (const reason of findings.reasons) writer.strCached(reason)
  writeText(writer, findings.message)
  writer.bool(findings.isIncomplete)
  writeNumbers(writer, findings.lineScore === undefined ? [] : [findings.lineScore])
}

function readFindings(items: Unpacked): Session['findings'] {
  return {
    score: items.number(),
    numAnomalies: items.count(),
    reasons: new Set(items.listOf(list => list.text())),
    message: items.optionalText(),
    isIncomplete: items.flag(),
    lineScore: items.listOf(list => list.number())[0],
  }
}

function writeTrail(writer: PackWriter, trail: Session['trail']): void {
  encodeRecord(writer, trail === undefined ? null : [...trail.values()])
}

function readTrail(items: Unpacked): Session['trail'] {
  const oddities = items.optionalListOf(list => odditySchema.safeParse(list.map()))
  if (oddities === undefined) return undefined
  const trail = new Map<string, Oddity>()
  for (const { data } of oddities) {
    if (data === undefined) throw new RangeError('stored state holds an oddity of no known kind')
    trail.set(oddityName(data), data)
  }
  return trail
}

function writeNumbers(writer: PackWriter, numbers: readonly number[]): void {
  writer.arrayHeader(numbers.length)
  for (const number of numbers) writer.number(number)
}

function writeTally(writer: PackWriter, entries: readonly (readonly [token: number, count: number])[]): void {
  writer.arrayHeader(2 * entries.length)
  for (const [token, count] of entries) {
    writer.uint(token)
    writer.uint(count)
  }
}

function writeText(writer: PackWriter, text: string | undefined): void {
  if (text === undefined) writer.nil()
  else writer.str(text)
}
