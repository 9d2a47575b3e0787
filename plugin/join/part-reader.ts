import type { Chunk } from '../chunk.js'
import type { LinePart } from '../engine-parts.js'
import { FieldPicker } from './field-picker.js'
import type { ResolvedJoinOptions } from './options.js'
import { fieldPiece, rawPiece, withoutEnd } from './pieces.js'

/** Fields that tell of pieces, in the order in which they are read. */
const PIECE_FIELDS = ['logtag', 'partial_message', 'partial_last', '_partial'] as const

/** What the streams of an origin begin with, and no others. */
export const streamPrefix = (origin: string | undefined): string => `${origin ?? ''}\u0000`

/** Finds out of which program's output a record's line is part. */
export class PartReader {
  readonly #picker: FieldPicker

  constructor(readonly options: ResolvedJoinOptions) {
    this.#picker = new FieldPicker([...PIECE_FIELDS, ...options.streamFields])
  }

  /** @param start of the record in `buffer` */
  read(
    { tag, origin }: Pick<Chunk, 'tag' | 'origin'>,
    buffer: Buffer,
    start: number,
    end: number,
    line: string,
  ): LinePart {
    const picker = this.#picker
    picker.read(buffer, start, end)
    const { texts } = picker
    let stream = streamPrefix(origin) + tag
    for (let i = PIECE_FIELDS.length; i < texts.length; i++) {
      stream += `\u0000${texts[i] ?? ''}`
    }
    const [logtag, partialMessage, partialLast, vectorPartial] = texts
    const piece = rawPiece(line) ?? fieldPiece(line, { logtag, partialMessage, partialLast, vectorPartial })
    const hasNewline = line.endsWith('\n')
    const { partial } = this.options
    if (piece === undefined)
      return { stream, content: withoutEnd(line), isBroken: partial ? undefined : false, hasNewline }
    if (piece.output !== undefined) stream += `\u0000${piece.output}`
    return { stream, content: piece.content, isBroken: piece.isBroken && partial, hasNewline }
  }
}
