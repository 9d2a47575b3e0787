import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import type { Position } from './identity.js'

/**
 * What lines of a file are known by when they are offered again. Inodes are used anew, truncated files come to the same offsets again, and nodes
 * that share a store have files of the same names: where other lines went by the same name they would be taken for delivered, and lost.
 *
 * @param position after the lines
 */
export function chunkName(path: string, { incarnation, offset }: Position, lines: readonly string[]): string {
  const place = `${hostname()}\0${path}\0${incarnation}\0${offset}\0`
  return createHash('sha256').update(place).update(lines.join('\n')).digest('base64url')
}
