import { type Chunk, entryEnd, recordStart } from '../../plugin/chunk.js'
import { ForwardServer } from '../../plugin/input/forward.js'
import { decodeValue } from '../../plugin/msgpack/decode.js'
import { fieldPath, findField } from '../../plugin/msgpack/field.js'
import { readUint } from '../../plugin/msgpack/header.js'
import { SUMMARY_TAG } from '../../plugin/pipeline.js'
import { JournalWriter, monotonicMs } from './journal.js'
import { type JudgedFields, verdictCode } from './verdict-code.js'

// A Forward receiver that acknowledges a chunk when its records are in a file: receiver-main.js HOST PORT JOURNAL

const NUMBER = fieldPath('number')
const VERDICT = fieldPath('logneo')

const [host, port, path] = process.argv.slice(2)
const journal = new JournalWriter(path!)

function take({ tag, entries }: Chunk): void {
  if (tag === SUMMARY_TAG) return
  const { buffer } = entries
  const atMs = monotonicMs()
  for (let i = 0; i < entries.count; i++) {
    const start = recordStart(entries, i)
    const end = entryEnd(entries, i)
    const at = findField(buffer, start, end, NUMBER)
    const verdictAt = findField(buffer, start, end, VERDICT)
    const verdict = verdictAt < 0 ? {} : (decodeValue(buffer, verdictAt, end) as JudgedFields)
    const { score } = verdict as { score?: number }
    journal.add({ number: readUint(buffer, at), code: verdictCode(verdict), score: score ?? 0, atMs })
  }
  journal.flush()
}

const server = new ForwardServer({ host: host!, port: Number(port), ownTagPrefix: '' }, async chunk =>
  take(chunk),
)
await server.listen()
process.once('SIGTERM', () => void server.close().then(() => process.exit()))
