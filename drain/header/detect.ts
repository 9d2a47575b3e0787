import { HeaderFormat, type HeaderFormatOptions } from './header-format.js'
import { LAYOUT_NAMES } from './named-layouts.js'

export interface DetectedFormat {
  readonly format: HeaderFormat
  /** Name of the layout, `raw` when lines have no header that is known. */
  readonly name: string
  /** Share of the lines looked at that fit, 0 to 1; for `raw` the share that no layout fits. */
  readonly confidence: number
}

const MAX_LINES = 200
/** Stack traces and other lines without a header may be as many as this share of the lines. */
const MIN_SHARE = 0.5

/**
 * Recognises the header layout from the first lines (at most 200 that are not empty). Every layout but JSON must find
 * a valid time stamp, so that files of bare messages are left alone.
 */
export function detectFormat(lines: readonly string[], options?: HeaderFormatOptions): DetectedFormat {
  const sample = lines.filter(line => line.trim() !== '').slice(0, MAX_LINES)
  let best = HeaderFormat.parse('raw')
  let bestShare = 0
  for (const name of LAYOUT_NAMES) {
    const format = HeaderFormat.parse(name, options)
    const share =
      sample.reduce((fit, line) => fit + (format.read(line) ? 1 : 0), 0) / Math.max(sample.length, 1)
    if (share > bestShare) {
      best = format
      bestShare = share
    }
  }
  if (bestShare < MIN_SHARE)
    return { format: HeaderFormat.parse('raw'), name: 'raw', confidence: 1 - bestShare }
  // A fresh one, whose notion of the last time comes from no sample.
  return { format: HeaderFormat.parse(best.name, options), name: best.name, confidence: bestShare }
}
