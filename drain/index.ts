export type { Cluster } from './cluster.js'
export { Drain, type DrainChange, type DrainMatch } from './drain.js'
export { DrainConfigError, DrainError, DrainSnapshotError, PatternError } from './errors.js'
export { type DetectedFormat, detectFormat } from './header/detect.js'
export { HeaderFormat, type HeaderFormatOptions, type ParsedLine } from './header/header-format.js'
export type { HeaderSlots } from './header/layout.js'
export { LAYOUT_NAMES, type LayoutName } from './header/named-layouts.js'
export { type MaskOption, type MaskRule, WILDCARD } from './mask.js'
export { DEFAULT_MASKS, isMaskPreset, MASK_PRESETS, type MaskPreset } from './mask-presets.js'
export {
  DEFAULT_DRAIN_OPTIONS,
  type DrainOptions,
  type ResolvedDrainOptions,
  resolveDrainOptions,
} from './options.js'
export type { Parameter } from './parameters.js'
export { LinearRegex, type RegexMatch } from './regex/linear-regex.js'
export type { ClusterSnapshot, DrainSnapshot } from './snapshot.js'
