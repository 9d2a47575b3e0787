import type { MaskRule } from './mask.js'

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`
const HEX4 = '[0-9A-Fa-f]{1,4}'
/** Not in the middle of a word or of a number with points. */
const START = '(?<![0-9A-Za-z])'
const END = '(?![0-9A-Za-z])'
const CLOCK = '\\d{2}:\\d{2}:\\d{2}(?:[.,]\\d{1,9})?'
const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)'
const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'
const ZONE = '(?:Z|[+-]\\d{2}:?\\d{2})?'

/** Patterns of the ready-made masks by name. `hdfs-block` and `bgl-core` are the usual masks of those two logs. */
export const MASK_PRESETS = {
  uuid: `${START}[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}${END}`,
  mac: `${START}(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![0-9A-Za-z:])`,
  ipv6: `(?<![0-9A-Za-z:])(?:(?:${HEX4}:){7}${HEX4}|(?:${HEX4}:){1,6}(?::${HEX4}){1,6}|::${HEX4}(?::${HEX4}){0,6})(?:%\\w{1,15})?(?![0-9A-Za-z:])`,
  ip: `(?<![0-9A-Za-z.])/?${IPV4}(?::\\d{1,5}|/\\d{1,2})?(?![0-9A-Za-z])`,
  url: `${START}[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\\s"'<>\\])}]+`,
  email: `${START}[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9][A-Za-z0-9-]*(?:\\.[A-Za-z0-9-]+)+`,
  timestamp: [
    `${START}\\d{4}[-/]\\d{2}[-/]\\d{2}[T ]${CLOCK}${ZONE}${END}`,
    `${START}(?:${DAY},? )?${MONTH} {1,2}\\d{1,2} \\d{2}:\\d{2}:\\d{2}(?: \\d{4})?${END}`,
    `${START}\\d{1,2}/${MONTH}/\\d{4}:\\d{2}:\\d{2}:\\d{2}(?: [+-]\\d{4})?${END}`,
  ].join('|'),
  date: `${START}(?:\\d{4}[-/]\\d{2}[-/]\\d{2}|\\d{2}/\\d{2}/\\d{2,4})${END}`,
  time: `${START}${CLOCK}${END}`,
  duration: `${START}\\d+(?:\\.\\d+)?(?:ns|us|µs|ms|s|sec|secs|min|mins|h|hrs|d)${END}`,
  size: `${START}\\d+(?:\\.\\d+)?(?: ?[KMGTP]i?B|[KMGTkm]|[kmg]b)${END}`,
  path: '(?<![0-9A-Za-z./])(?:/[\\w.@%+~-]+){2,}/?',
  'windows-path': `${START}[A-Za-z]:\\\\[^\\s"'<>|*?]+`,
  'hdfs-block': 'blk_-?\\d+',
  'bgl-core': 'core\\.\\d+',
  hex: `${START}0[xX][0-9A-Fa-f]+${END}`,
  'hex-id': `${START}(?:[0-9a-f]{16,}|[0-9A-F]{16,})${END}`,
  number: `${START}[-+]?\\d+(?:\\.\\d+)?${END}`,
} as const satisfies Record<string, string>

export type MaskPreset = keyof typeof MASK_PRESETS

/** What is masked when nothing else is asked for, in order of preference where two begin at the same place. */
export const DEFAULT_MASKS: readonly MaskPreset[] = [
  'hdfs-block',
  'bgl-core',
  'uuid',
  'mac',
  'ipv6',
  'ip',
  'url',
  'email',
  'timestamp',
  'date',
  'time',
  'hex',
  'number',
]

export function isMaskPreset(name: string): name is MaskPreset {
  return Object.hasOwn(MASK_PRESETS, name)
}

export function presetRule(name: MaskPreset): MaskRule {
  return { name, pattern: MASK_PRESETS[name] }
}
