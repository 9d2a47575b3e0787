import { entryEnd, entryTimeMs, type PackedEntries, recordStart, timeStart } from '../chunk.js'
import { decodeRecord } from '../msgpack/decode.js'
import { eventTimeNanoseconds } from '../msgpack/time.js'

/** A record as Elasticsearch is given it. */
export type EcsDocument = Record<string, unknown>

type Fields = Readonly<Record<string, unknown>>

/** Tag of documents that were flagged, as ECS lists tags. */
export const ANOMALY_TAG = 'log_anomaly'
/** Highest score a verdict can have, which is the risk 100. */
const MAX_SCORE = 12
/** Latest time that a Date holds, in milliseconds since the epoch. */
const MAX_TIME_MS = 8.64e15

/**
 * Entry `i` in terms of the Elastic Common Schema. The record's own fields stay, but for names that ECS holds a map under and the
 * record a text: those move to where ECS wants the text, as the field type of a whole index hangs on it.
 *
 * @param nowMs time of records that have none; data streams take no document without
 */
export function ecsDocument(tag: string, entries: PackedEntries, i: number, nowMs: number): EcsDocument {
  const record = decodeRecord(entries.buffer, recordStart(entries, i), entryEnd(entries, i))
  const document: EcsDocument = { '@timestamp': timeText(entries, i, nowMs), ...moveTexts(record) }
  const verdict = isMap(record.logneo) ? record.logneo : {}
  document.event = {
    ...original(record),
    ...mapOr(record.event, text => ({ original: text })),
    ...eventFields(verdict),
  }
  document.logneo = { ...verdict, tag }
  if (verdict.anomaly === true) document.tags = withTag(record.tags)
  if (verdict.kind === 'session' && document.message === undefined) document.message = sessionText(verdict)
  return document
}

/** `log: "text"` is the message of most shippers; ECS keeps `log.level` and others below that name. */
function moveTexts({ log, host, service, level, ...others }: Fields): EcsDocument {
  const moved: EcsDocument = { ...others }
  if (typeof log === 'string') moved.message ??= log
  else if (log !== undefined) moved.log = log
  if (host !== undefined) moved.host = mapOr(host, name => ({ name }))
  if (service !== undefined) moved.service = mapOr(service, name => ({ name }))
  if (level !== undefined) moved.level = level
  if (typeof level === 'string' && (log === undefined || typeof log === 'string')) moved.log = { level }
  return moved
}

/** The text under `log` where the message is another one. */
const original = ({ log, message }: Fields): EcsDocument =>
  typeof log === 'string' && message !== undefined ? { original: log } : {}

/** What ECS knows a verdict's fields as. */
function eventFields({ anomaly, kind, message, score, started, ended }: Fields): EcsDocument {
  const isAnomaly = anomaly === true
  return {
    kind: isAnomaly ? 'alert' : 'event',
    dataset: kind === 'session' ? 'logneo.session' : 'logneo',
    ...(isAnomaly && message !== undefined && { reason: message }),
    ...(isAnomaly && typeof score === 'number' && { risk_score: riskScore(score) }),
    ...(started !== undefined && { start: started }),
    ...(ended !== undefined && { end: ended }),
  }
}

/** From 0 to 100. */
const riskScore = (score: number): number => Math.round((1000 * Math.min(score, MAX_SCORE)) / MAX_SCORE) / 10

function withTag(tags: unknown): unknown[] {
  const others = tags === undefined || tags === null ? [] : [tags].flat()
  return others.includes(ANOMALY_TAG) ? others : [...others, ANOMALY_TAG]
}

const sessionText = ({ session, message, closed }: Fields): string =>
  `session ${String(session)} closed (${String(closed)})${typeof message === 'string' ? `: ${message}` : ''}`

function timeText(entries: PackedEntries, i: number, nowMs: number): string {
  const timeMs = entryTimeMs(entries, i)
  if (!(Math.abs(timeMs) <= MAX_TIME_MS)) return new Date(nowMs).toISOString()
  const text = new Date(timeMs).toISOString()
  const nanoseconds = eventTimeNanoseconds(entries.buffer, timeStart(entries, i))
  return nanoseconds % 1e6 === 0 ? text : `${text.slice(0, 19)}.${String(nanoseconds).padStart(9, '0')}Z`
}

function mapOr(value: unknown, wrap: (value: unknown) => EcsDocument): EcsDocument {
  if (value === undefined || value === null) return {}
  return isMap(value) ? value : wrap(value)
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
