import { type Chunk, EntryIndex } from '../chunk.js'
import { PackWriter } from '../msgpack/write.js'

/** Lines as a chunk of records `{message}`, and `file` where that is given. */
export function packLines(tag: string, lines: readonly string[], nowMs: number, file?: string): Chunk {
  const writer = new PackWriter()
  const index = new EntryIndex(lines.length)
  const bounds = lines.map(line => {
    const start = writer.length
    writer.arrayHeader(2)
    writer.eventTimeMs(nowMs)
    writer.mapHeader(file === undefined ? 1 : 2)
    writer.strCached('message')
    writer.str(line)
    if (file !== undefined) {
      writer.strCached('file')
      writer.strCached(file)
    }
    return [start, writer.length] as const
  })
  const buffer = writer.take()
  for (const [start, end] of bounds) index.add(buffer, start, end)
  return { tag, entries: index.entries(buffer), source: `file of tag ${tag}` }
}
