import { DrainConfigError } from './errors.js'
import { type MaskOption, type MaskRule, resolveMasks } from './mask.js'
import { DEFAULT_MASKS } from './mask-presets.js'

/** How lines become templates. All have defaults that serve most logs. */
export interface DrainOptions {
  /**
   * Depth of the parse tree, 3 to 8. Below the root come the number of tokens and `depth - 3` leading tokens, then the
   * clusters. Default 4: one leading token.
   */
  readonly depth?: number
  /**
   * Least share of a line's tokens that must equal the template's, above 0 to 1. Wildcards of the template that came
   * from widening count as unequal, masks as equal. Default 0.4.
   */
  readonly similarityThreshold?: number
  /**
   * A template may lose one plain word for so many of its tokens by one line; shorter ones lose none. With 5, the
   * default, "session opened for user ann" and "... user bob" are one template while "VM started" and "VM paused"
   * stay two. Values of `key=value` may always vary. 1 turns the rule off.
   */
  readonly tokensPerWordChange?: number
  /** Most children of a node of the tree; further leading tokens share one wildcard child. Default 100. */
  readonly maxChildren?: number
  /** Most clusters kept; then the one least recently learnt goes. Default 10,000. */
  readonly maxClusters?: number
  /** Characters (UTF-16 units) of a line that are parsed; what follows is one parameter. Default 8,192. */
  readonly maxLineLength?: number
  /** Tokens of a line that are parsed; what follows is one parameter. Default 256. */
  readonly maxTokens?: number
  /** Masks by preset name or rule, the earlier preferred. Default `DEFAULT_MASKS`. */
  readonly masks?: readonly MaskOption[]
  /** Whether leading tokens that hold a digit share the tree's wildcard child. Default true. */
  readonly parametrizeNumericTokens?: boolean
  /** Characters that separate tokens, besides white space. Default none. */
  readonly delimiters?: string
  /** Whether `key=value` gives the two tokens `key=` and `value`. Default true. */
  readonly splitKeyValue?: boolean
  /**
   * Whether neighbouring tokens that vary (masks; words with digits) count as one, so that lists of different lengths
   * share a template. Default true.
   */
  readonly collapseLists?: boolean
  /** Earlier texts of a template that are kept when it widens, the first always among them. Default 8. */
  readonly maxHistory?: number
}

/** Options with every default filled in and masks as rules. */
export interface ResolvedDrainOptions extends Required<Omit<DrainOptions, 'masks'>> {
  readonly masks: readonly MaskRule[]
}

export const DEFAULT_DRAIN_OPTIONS = Object.freeze({
  depth: 4,
  similarityThreshold: 0.4,
  tokensPerWordChange: 5,
  maxChildren: 100,
  maxClusters: 10_000,
  maxLineLength: 8_192,
  maxTokens: 256,
  masks: DEFAULT_MASKS,
  parametrizeNumericTokens: true,
  delimiters: '',
  splitKeyValue: true,
  collapseLists: true,
  maxHistory: 8,
}) satisfies Required<DrainOptions>

const INTEGERS = {
  depth: [3, 8],
  tokensPerWordChange: [1, 1_000],
  maxChildren: [2, 100_000],
  maxClusters: [1, 1_000_000],
  maxLineLength: [16, 1_048_576],
  maxTokens: [1, 4_096],
  maxHistory: [1, 1_000],
} as const
const BOOLEANS = ['parametrizeNumericTokens', 'splitKeyValue', 'collapseLists'] as const
const MAX_DELIMITERS = 32

/** Checks and completes options. Throws DrainConfigError that lists every problem. */
export function resolveDrainOptions(options: DrainOptions = {}): ResolvedDrainOptions {
  const problems: string[] = []
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new DrainConfigError(['drain must be a map of options'])
  }
  const given: Record<string, unknown> = { ...DEFAULT_DRAIN_OPTIONS }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(DEFAULT_DRAIN_OPTIONS, name))
      problems.push(`drain.${name.slice(0, 60)} is not an option`)
    else if (value !== undefined) given[name] = value
  }
  checkNumbers(given, problems)
  checkOthers(given, problems)
  const masks = resolveMasks(given.masks, problems)
  if (problems.length > 0) throw new DrainConfigError(problems)
  return Object.freeze({ ...(given as unknown as ResolvedDrainOptions), masks: Object.freeze(masks) })
}

function checkNumbers(given: Record<string, unknown>, problems: string[]): void {
  for (const [name, [min, max]] of Object.entries(INTEGERS)) {
    const value = given[name]
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      problems.push(`drain.${name} must be an integer from ${min} to ${max}, got ${show(value)}`)
    }
  }
  const threshold = given.similarityThreshold
  if (typeof threshold !== 'number' || !(threshold > 0 && threshold <= 1)) {
    problems.push(`drain.similarityThreshold must be a number above 0, at most 1, got ${show(threshold)}`)
  }
}

function checkOthers(given: Record<string, unknown>, problems: string[]): void {
  for (const name of BOOLEANS) {
    if (typeof given[name] !== 'boolean') {
      problems.push(`drain.${name} must be true or false, got ${show(given[name])}`)
    }
  }
  const { delimiters } = given
  if (typeof delimiters !== 'string' || delimiters.length > MAX_DELIMITERS) {
    problems.push(
      `drain.delimiters must be a string of at most ${MAX_DELIMITERS} characters, got ${show(delimiters)}`,
    )
  }
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value).slice(0, 60)
}
