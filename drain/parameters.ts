import type { Cluster } from './cluster.js'
import type { LineTokens } from './line-tokens.js'
import { WILDCARD } from './mask.js'
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

/**
 * Told of each parameter in the line's order: its bounds in the line, the token it stands in, how many of that token came before it, and the name
 * of the mask that found it, if one did.
 */
export type ParameterVisitor = (
  start: number,
  end: number,
  token: number,
  nth: number,
  mask: string | undefined,
) => void

/**
 * Visits the parameters of a line just split; none if the line has another shape than the cluster. Makes no objects.
 *
 * @param form the template's tokens at an earlier time: where the line still fits them it is read as it was then, whatever was widened since
 */
export function visitParameters(
  tokens: LineTokens,
  scanner: MaskScanner,
  cluster: Cluster,
  visit: ParameterVisitor,
  form?: readonly string[],
): void {
  const { tokenIds } = cluster
  const { offset } = tokens.line
  if (tokenIds.length !== tokens.count) return
  let mask = 0
  for (let token = 0; token < tokens.count; token++) {
    const start = tokens.rawStart[token]!
    const end = tokens.rawEnd[token]!
    const firstMask = mask
    while (mask < scanner.count && scanner.starts[mask]! < end) mask++
    const isOneMask =
      mask === firstMask + 1 && scanner.starts[firstMask] === start && scanner.ends[firstMask] === end
    const isWide = tokenIds[token] === WIDENED && !isOneMask && !fits(tokens, token, form?.[token])
    if (tokens.isJoined[token] === 1 || isWide) {
      visit(offset + start, offset + end, token, 0, undefined)
      continue
    }
    for (let i = firstMask; i < mask; i++) {
      const { name } = scanner.maskRules[scanner.rules[i]!]!
      visit(offset + scanner.starts[i]!, offset + scanner.ends[i]!, token, i - firstMask, name)
    }
  }
}

/** Whether a line's token is that of an earlier form, which did not vary there as a whole. */
function fits(tokens: LineTokens, token: number, before: string | undefined): boolean {
  return before !== undefined && before !== WILDCARD && tokens.text(token) === before
}

/** Reads the parameters of a line just split. */
export function readParameters(
  line: string,
  tokens: LineTokens,
  scanner: MaskScanner,
  cluster: Cluster,
): Parameter[] {
  const found: Parameter[] = []
  visitParameters(tokens, scanner, cluster, (start, end, token, _nth, mask) =>
    found.push({ value: line.slice(start, end), token, ...(mask !== undefined && { mask }) }),
  )
  return found
}
