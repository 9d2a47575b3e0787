import type { LinePart } from '../engine-parts.js'
import { fieldPath, findField, readText } from '../msgpack/field.js'
import { NOT_FOUND } from '../msgpack/header.js'
import type { ResolvedJoinOptions } from './options.js'
import { fieldPiece, rawPiece, withoutEnd } from './pieces.js'

const FIELDS = {
  logtag: fieldPath('logtag'),
  partialMessage: fieldPath('partial_message'),
  partialLast: fieldPath('partial_last'),
  vectorPartial: fieldPath('_partial'),
} as const

/** Finds out of which program's output a record's line is part. */
export class PartReader {
  readonly #paths: readonly (readonly Buffer[])[]

  constructor(readonly options: ResolvedJoinOptions) {
    this.#paths = options.streamFields.map(field => fieldPath(field))
  }

  /** @param start of the record in `buffer` */
  read(tag: string, buffer: Buffer, start: number, end: number, line: string): LinePart {
    let stream = tag
    for (const path of this.#paths) {
      const value = textAt(buffer, start, end, path)
      if (value !== undefined) stream += `\u0000${value}`
    }
    const piece = rawPiece(line) ?? this.#fieldPiece(buffer, start, end, line)
    const hasNewline = line.endsWith('\n')
    const { partial } = this.options
    if (piece === undefined)
      return { stream, content: withoutEnd(line), isBroken: partial ? undefined : false, hasNewline }
    if (piece.output !== undefined) stream += `\u0000${piece.output}`
    return { stream, content: piece.content, isBroken: piece.isBroken && partial, hasNewline }
  }

  #fieldPiece(buffer: Buffer, start: number, end: number, line: string) {
    return fieldPiece(line, {
      logtag: textAt(buffer, start, end, FIELDS.logtag),
      partialMessage: textAt(buffer, start, end, FIELDS.partialMessage),
      partialLast: textAt(buffer, start, end, FIELDS.partialLast),
      vectorPartial: textAt(buffer, start, end, FIELDS.vectorPartial),
    })
  }
}

function textAt(buffer: Buffer, start: number, end: number, path: readonly Buffer[]): string | undefined {
  const at = findField(buffer, start, end, path)
  return at === NOT_FOUND ? undefined : readText(buffer, at, end)
}
