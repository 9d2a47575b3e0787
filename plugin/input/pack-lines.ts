import { type Chunk, EntryIndex } from '../chunk.js'
import { PackWriter } from '../msgpack/write.js'

/** Lines as a chunk of records `{message}`. */
export function packLines(tag: string, lines: readonly string[], nowMs: number): Chunk {
  const writer = new PackWriter()
  const index = new EntryIndex(lines.length)
  const bounds = lines.map(line => {
    const start = writer.length
    writer.arrayHeader(2)
    writer.eventTimeMs(nowMs)
    writer.mapHeader(1)
    writer.strCached('message')
    writer.str(line)
    return [start, writer.length] as const
  })
  const buffer = writer.take()
  for (const [start, end] of bounds) index.add(buffer, start, end)
  return { tag, entries: index.entries(buffer), source: `file of tag ${tag}` }
}
