import { round } from './fields.js'
import { encodeText, PackWriter } from './msgpack/write.js'
import type { FieldSet, SessionSummary, Verdict } from './verdict.js'

/** The one field that is added to a record, as msgpack text. */
export const FIELD_KEY = encodeText('logneo')

/** Blocks kept of templates; when there are more they are made anew. */
const MAX_TEMPLATES = 4096

/** Writes verdicts and summaries as msgpack, their names and recurring texts encoded once. */
export class VerdictEncoder {
  /** By template: its id, and the bytes of both with their names. */
  readonly #templates = new Map<string, { readonly id: string; readonly bytes: Buffer }>()
  #model: string | undefined
  #modelBytes = NO_BYTES

  constructor(readonly fields: FieldSet) {}

  /** Writes the map of a verdict. */
  verdict(writer: PackWriter, verdict: Verdict): void {
    if (!isOrdinary(verdict)) writePairs(writer, verdict, Object.keys(verdict))
    else if (this.fields === 'minimal') writeBrief(writer, verdict)
    else this.#writeFull(writer, verdict)
  }

  /** Writes the map of a summary. */
  summary(writer: PackWriter, summary: SessionSummary): void {
    writePairs(writer, summary, Object.keys(summary))
  }

  /** Nearly all verdicts: what is the same in many is copied in blocks, as that takes a third of the time of a loop over names. */
  #writeFull(writer: PackWriter, verdict: OrdinaryVerdict): void {
    const { template, template_id, model } = verdict
    writeBlock(writer, FULL_HEAD)
    writer.number(round(verdict.score))
    writeBlock(writer, FULL_MIDDLE)
    writer.str(verdict.session)
    writeBlock(writer, this.#templateBlock(template, template_id))
    writer.number(verdict.rank)
    writeBlock(writer, FULL_SURPRISE)
    writer.number(round(verdict.surprise))
    if (model !== this.#model) {
      this.#model = model
      this.#modelBytes = Buffer.concat([encodeText('model'), encodeText(model)])
    }
    writeBlock(writer, this.#modelBytes)
  }

  #templateBlock(template: string, id: string): Buffer {
    let known = this.#templates.get(template)
    if (known?.id !== id) {
      if (this.#templates.size >= MAX_TEMPLATES) this.#templates.clear()
      const texts = ['template', template, 'template_id', id, 'rank']
      known = { id, bytes: Buffer.concat(texts.map(encodeText)) }
      this.#templates.set(template, known)
    }
    return known.bytes
  }
}

/** What verdicts on ordinary lines have. */
type OrdinaryVerdict = Required<Omit<Verdict, 'reasons' | 'message' | 'evidence' | 'expected' | 'store'>>

function isOrdinary(verdict: Verdict): verdict is OrdinaryVerdict {
  return (
    verdict.status === 'scored' &&
    verdict.anomaly === false &&
    verdict.severity === 'none' &&
    verdict.continuation === undefined &&
    verdict.store === undefined
  )
}

const NO_BYTES = Buffer.alloc(0)
/** Of an ordinary verdict, up to its score. */
const headOf = (numPairs: number): Buffer =>
  block(writer => {
    writer.mapHeader(numPairs)
    writer.str('status')
    writer.str('scored')
    writer.str('anomaly')
    writer.bool(false)
    writer.str('score')
  })
const BRIEF_HEAD = headOf(4)
const FULL_HEAD = headOf(10)
const SEVERITY = Buffer.concat([encodeText('severity'), encodeText('none')])
const FULL_MIDDLE = Buffer.concat([SEVERITY, encodeText('session')])
const FULL_SURPRISE = encodeText('surprise')

function block(write: (writer: PackWriter) => void): Buffer {
  const writer = new PackWriter()
  write(writer)
  return Buffer.from(writer.view())
}

function writeBrief(writer: PackWriter, { score }: OrdinaryVerdict): void {
  writeBlock(writer, BRIEF_HEAD)
  writer.number(round(score))
  writeBlock(writer, SEVERITY)
}

function writeBlock(writer: PackWriter, bytes: Buffer): void {
  writer.raw(bytes, 0, bytes.length)
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
