import { round } from './fields.js'
import { encodeText, PackWriter } from './msgpack/write.js'
import type { FieldSet, SessionSummary, Verdict } from './verdict.js'

/** The one field that is added to a record, as msgpack text. */
export const FIELD_KEY = encodeText('logneo')

/** Writes verdicts and summaries as msgpack, their names and recurring texts encoded once. */
export class VerdictEncoder {
  readonly #writer = new PackWriter()

  constructor(readonly fields: FieldSet) {}

  /** The map of a verdict; valid until the next call. */
  verdict(verdict: Verdict): Buffer {
    const writer = this.#writer
    writer.reset()
    const isPlain = verdict.continuation === undefined && verdict.store === undefined
    if (verdict.status === 'scored' && verdict.anomaly === false && isPlain) {
      writeOrdinary(writer, verdict as ScoredVerdict, this.fields === 'minimal')
    } else {
      writePairs(writer, verdict, Object.keys(verdict))
    }
    return writer.view()
  }

  /** The map of a summary; valid until the next call. */
  summary(summary: SessionSummary): Buffer {
    const writer = this.#writer
    writer.reset()
    writePairs(writer, summary, Object.keys(summary))
    return writer.view()
  }
}

/** What every scored verdict has. */
type ScoredVerdict = Required<Omit<Verdict, 'reasons' | 'message' | 'evidence' | 'expected' | 'store'>>

const NUM_BRIEF = 4
const NUM_FULL = 10
const ORDINARY = {
  status: encodeText('status'),
  anomaly: encodeText('anomaly'),
  score: encodeText('score'),
  severity: encodeText('severity'),
  session: encodeText('session'),
  template: encodeText('template'),
  templateId: encodeText('template_id'),
  rank: encodeText('rank'),
  surprise: encodeText('surprise'),
  model: encodeText('model'),
} as const satisfies Record<string, Buffer>

/** Nearly all verdicts: written out, as that takes half the time of a loop over names. */
function writeOrdinary(writer: PackWriter, verdict: ScoredVerdict, isBrief: boolean): void {
  writer.mapHeader(isBrief ? NUM_BRIEF : NUM_FULL)
  writeName(writer, ORDINARY.status)
  writer.strCached(verdict.status)
  writeName(writer, ORDINARY.anomaly)
  writer.bool(verdict.anomaly)
  writeName(writer, ORDINARY.score)
  writer.number(round(verdict.score))
  writeName(writer, ORDINARY.severity)
  writer.strCached(verdict.severity)
  if (isBrief) return
  writeName(writer, ORDINARY.session)
  writer.str(verdict.session)
  writeName(writer, ORDINARY.template)
  writer.strCached(verdict.template)
  writeName(writer, ORDINARY.templateId)
  writer.strCached(verdict.template_id)
  writeName(writer, ORDINARY.rank)
  writer.number(verdict.rank)
  writeName(writer, ORDINARY.surprise)
  writer.number(round(verdict.surprise))
  writeName(writer, ORDINARY.model)
  writer.strCached(verdict.model)
}

function writeName(writer: PackWriter, name: Buffer): void {
  writer.raw(name, 0, name.length)
}

/** Texts that are told again and again; sessions and messages are not. */
const RECURRING = new Set(['status', 'severity', 'template', 'template_id', 'model'])

function writePairs(writer: PackWriter, source: object, names: readonly string[]): void {
  const values = source as Readonly<Record<string, unknown>>
  let count = 0
  for (const name of names) if (values[name] !== undefined) count++
  writer.mapHeader(count)
  for (const name of names) {
    const value = values[name]
    if (value === undefined) continue
    writer.strCached(name)
    if (typeof value === 'string') RECURRING.has(name) ? writer.strCached(value) : writer.str(value)
    else writeValue(writer, value)
  }
}

function writeValue(writer: PackWriter, value: unknown): void {
  if (typeof value === 'number') writer.number(round(value))
  else if (typeof value === 'boolean') writer.bool(value)
  else if (typeof value === 'string') writer.strCached(value)
  else if (Array.isArray(value)) {
    writer.arrayHeader(value.length)
    for (const item of value) writeValue(writer, item)
  } else writePairs(writer, value as object, Object.keys(value as object))
}
