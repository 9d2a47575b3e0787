import type { Cluster } from './cluster.js'
import type { LineTokens } from './line-tokens.js'
import type { MaskScanner } from './mask-scanner.js'
import { WIDENED } from './token-table.js'

/** Text of a line where its template varies. */
export interface Parameter {
  readonly value: string
  /** Name of the mask that found it, if one did. */
  readonly mask?: string
  /** Index of the template's token that it stands in. */
  readonly token: number
}

/** Reads the parameters of a line just split. */
export function readParameters(
  line: string,
  tokens: LineTokens,
  scanner: MaskScanner,
  cluster: Cluster,
): Parameter[] {
  const found: Parameter[] = []
  const { tokenIds } = cluster
  const { offset } = tokens.line
  if (tokenIds.length !== tokens.count) return found
  let mask = 0
  for (let token = 0; token < tokens.count; token++) {
    const start = tokens.rawStart[token]!
    const end = tokens.rawEnd[token]!
    const firstMask = mask
    while (mask < scanner.count && scanner.starts[mask]! < end) mask++
    const isOneMask =
      mask === firstMask + 1 && scanner.starts[firstMask] === start && scanner.ends[firstMask] === end
    if (tokens.isJoined[token] === 1 || (tokenIds[token] === WIDENED && !isOneMask)) {
      found.push({ value: line.slice(offset + start, offset + end), token })
      continue
    }
    for (let i = firstMask; i < mask; i++) {
      const value = line.slice(offset + scanner.starts[i]!, offset + scanner.ends[i]!)
      found.push({ value, mask: scanner.maskRules[scanner.rules[i]!]!.name, token })
    }
  }
  return found
}
