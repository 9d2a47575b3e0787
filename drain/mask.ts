import { PatternError } from './errors.js'
import { isMaskPreset, MASK_PRESETS, type MaskPreset, presetRule } from './mask-presets.js'
import { lengthBounds } from './regex/node.js'
import { parsePattern } from './regex/syntax.js'

/** Known variable text to replace before parsing. */
export interface MaskRule {
  /** Shown with the parameters that the rule finds. */
  readonly name: string
  /** In the syntax of `LinearRegex`; must not match the empty text. */
  readonly pattern: string
  /** What stands in the template, at most 32 characters, without spaces. Default `<*>`. */
  readonly replaceWith?: string
}

/** Stands in a template wherever text varies. */
export const WILDCARD = '<*>'

const MAX_RULES = 64

/** Gives the rules in full; adds what is wrong with them to `problems`. */
export function resolveMasks(masks: unknown, problems: string[]): readonly MaskRule[] {
  if (!Array.isArray(masks) || masks.length > MAX_RULES) {
    problems.push(`drain.masks must be a list of at most ${MAX_RULES} preset names and rules`)
    return []
  }
  const rules: MaskRule[] = []
  for (const [i, mask] of (masks as unknown[]).entries()) {
    const rule = resolveMask(mask, `drain.masks[${i}]`, problems)
    if (rule !== undefined) rules.push(rule)
  }
  return rules
}

function resolveMask(mask: unknown, path: string, problems: string[]): MaskRule | undefined {
  if (typeof mask === 'string') {
    if (isMaskPreset(mask)) return presetRule(mask)
    const known = Object.keys(MASK_PRESETS).join(', ')
    problems.push(`${path} must be a rule or one of ${known}, got ${JSON.stringify(mask.slice(0, 60))}`)
    return undefined
  }
  if (typeof mask !== 'object' || mask === null) {
    problems.push(`${path} must be a preset name or a rule {name, pattern}`)
    return undefined
  }
  const before = problems.length
  const { name, pattern, replaceWith, ...rest } = mask as Record<string, unknown>
  for (const key of Object.keys(rest)) problems.push(`${path}.${key.slice(0, 60)} is not an option`)
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) {
    problems.push(`${path}.name must be 1 to 64 letters, digits, "_", "." or "-"`)
  }
  checkReplacement(replaceWith, path, problems)
  checkPattern(pattern, path, problems)
  if (problems.length > before) return undefined
  const rule = { name: name as string, pattern: pattern as string }
  return replaceWith === undefined ? rule : { ...rule, replaceWith: replaceWith as string }
}

function checkReplacement(replaceWith: unknown, path: string, problems: string[]): void {
  if (replaceWith === undefined) return
  if (typeof replaceWith !== 'string' || !/^\S{1,32}$/.test(replaceWith)) {
    problems.push(`${path}.replaceWith must be 1 to 32 characters without spaces`)
  }
}

function checkPattern(pattern: unknown, path: string, problems: string[]): void {
  if (typeof pattern !== 'string') {
    problems.push(`${path}.pattern must be a string`)
    return
  }
  try {
    if (lengthBounds(parsePattern(pattern).node)[0] === 0) {
      problems.push(`${path}.pattern must not match the empty text, got ${JSON.stringify(pattern)}`)
    }
  } catch (error) {
    if (!(error instanceof PatternError)) throw error
    problems.push(`${path}.pattern is not valid: ${error.message}`)
  }
}

export type MaskOption = MaskPreset | MaskRule
