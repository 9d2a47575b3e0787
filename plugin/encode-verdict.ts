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
    const isBrief = this.fields === 'minimal' && verdict.status === 'scored' && verdict.anomaly !== true
    if (isBrief) writePairs(writer, verdict, BRIEF)
    else writePairs(writer, verdict, verdict.anomaly === true ? ANOMALY : ORDINARY)
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

const BRIEF = ['status', 'anomaly', 'score', 'severity'] as const
const ORDINARY = [...BRIEF, 'session', 'template', 'template_id', 'rank', 'surprise', 'model'] as const
const ANOMALY = [...ORDINARY, 'reasons', 'message', 'expected'] as const
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
