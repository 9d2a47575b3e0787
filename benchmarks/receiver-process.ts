import { type Chunk, entryEnd, recordStart } from '../plugin/chunk.js'
import { ForwardServer } from '../plugin/input/forward.js'
import { fieldPath, findField, readText } from '../plugin/msgpack/field.js'
import { readUint } from '../plugin/msgpack/header.js'
import { SUMMARY_TAG } from '../plugin/pipeline.js'
import { serve } from './child.js'

/** What arrived of the records expected, which are numbered from 0 in their field `number`. */
export interface Arrivals {
  /** Records that arrived exactly once. */
  readonly once: number
  readonly repeated: number
  /** Records without a number, or with one that was not expected. */
  readonly strange: number
  /** Those of status `scored`. */
  readonly scored: number
  readonly summaries: number
}

const NUMBER = fieldPath('number')
const STATUS = fieldPath('logneo.status')

let seen = new Uint8Array(0)
/** Of each record, in milliseconds of the monotonic clock, which processes share. */
let arrivedMs = new Float64Array(0)
let strange = 0
let scored = 0
let summaries = 0

const server = new ForwardServer({ port: 0, ownTagPrefix: '' }, async chunk => take(chunk))

function take({ tag, entries }: Chunk): void {
  if (tag === SUMMARY_TAG) {
    summaries += entries.count
    return
  }
  const { buffer } = entries
  const now = Number(process.hrtime.bigint()) / 1e6
  for (let i = 0; i < entries.count; i++) {
    const start = recordStart(entries, i)
    const end = entryEnd(entries, i)
    const at = findField(buffer, start, end, NUMBER)
    const number = at < 0 ? -1 : readUint(buffer, at)
    if (number < 0 || number >= seen.length) {
      strange++
      continue
    }
    if (seen[number]! < 255) seen[number]!++
    arrivedMs[number] = now
    const status = findField(buffer, start, end, STATUS)
    if (status >= 0 && readText(buffer, status, end) === 'scored') scored++
  }
}

const handlers = {
  listen: async (): Promise<number> => (await server.listen()).port,
  expect: (count: number): void => {
    seen = new Uint8Array(count)
    arrivedMs = new Float64Array(count)
    strange = scored = summaries = 0
  },
  arrivals: (): Arrivals => {
    let once = 0
    let repeated = 0
    for (const times of seen) {
      if (times === 1) once++
      else if (times > 1) repeated++
    }
    return { once, repeated, strange, scored, summaries }
  },
  times: (): Float64Array => arrivedMs,
}

export type ReceiverHandlers = typeof handlers

serve(handlers)
