import type { MaskOption } from '../../drain/mask.js'
import { DEFAULT_MASKS, isMaskPreset, MASK_PRESETS } from '../../drain/mask-presets.js'
import { UsageError } from './terminal.js'

/**
 * Masks from the command line: presets by name and rules as NAME=PATTERN come before the default masks; `none` leaves those out.
 *
 * @returns undefined when the defaults alone are wanted @throws UsageError
 */
export function parseMasks(given: readonly string[] | undefined): readonly MaskOption[] | undefined {
  if (given === undefined) return undefined
  const own = given.filter(text => text !== 'none').map(parseMask)
  if (given.includes('none')) return own
  return [...own, ...DEFAULT_MASKS.filter(name => !own.includes(name))]
}

function parseMask(text: string): MaskOption {
  const equals = text.indexOf('=')
  if (equals > 0) return { name: text.slice(0, equals), pattern: text.slice(equals + 1) }
  if (isMaskPreset(text)) return text
  throw new UsageError(
    `--mask must be none, NAME=PATTERN or one of ${Object.keys(MASK_PRESETS).join(', ')}, got ${text}`,
  )
}
