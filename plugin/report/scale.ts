/** Maps values of an axis to pixels. */
export interface Scale {
  readonly min: number
  readonly max: number
  readonly isLog: boolean
  /** Values to label, ascending, all within the scale. */
  readonly ticks: readonly number[]
  /** Pixel of a value; beyond the scale it is that of the nearer end. */
  place(value: number): number
}

/** Whether an axis can show a value at all. */
export function isShowable(value: number, isLog: boolean): boolean {
  return Number.isFinite(value) && (!isLog || value > 0)
}

export interface ScaleOptions {
  readonly isLog: boolean
  /** Whether the scale ends where the values do, not at the next ticks. */
  readonly isTight: boolean
  /** Whether ticks are at whole numbers only. */
  readonly isCount: boolean
  readonly numTicks: number
}

/** A scale that holds `values`, from pixel `start` to `end`, with about so many ticks. */
export function makeScale(
  values: readonly number[],
  [start, end]: readonly [number, number],
  { isLog, isTight, isCount, numTicks }: ScaleOptions,
): Scale {
  const [low, high] = extent(values, isLog)
  const around = isLog ? logTicks([low, high], numTicks) : linearTicks([low, high], numTicks)
  const ticks = around.filter(
    tick => (!isTight || (tick >= low && tick <= high)) && (!isCount || Number.isInteger(tick)),
  )
  const min = isTight ? low : around[0]!
  const max = isTight ? high : around.at(-1)!
  const position = isLog ? Math.log : (value: number): number => value
  const unit = (end - start) / (position(max) - position(min))
  const place = (value: number): number =>
    start + unit * (position(Math.min(max, Math.max(min, value))) - position(min))
  return { min, max, isLog, ticks, place }
}

type Extent = readonly [low: number, high: number]

/** The least and the largest value, apart from each other; 0 to 1 (log: 0.1 to 1) without values. */
function extent(values: readonly number[], isLog: boolean): Extent {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const value of values) {
    if (!isShowable(value, isLog)) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  if (low > high) return isLog ? [0.1, 1] : [0, 1]
  if (high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high))) return [low, high]
  if (isLog) return [low / 2, high * 2]
  return low === 0 ? [0, 1] : [low - Math.abs(low) / 2, high + Math.abs(high) / 2]
}

/** Multiples of 1, 2 or 5 times a power of ten. */
function linearTicks([low, high]: Extent, numTicks: number): number[] {
  const rough = (high - low) / Math.max(1, numTicks)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find(factor => factor * power >= rough * (1 - 1e-9)) ?? 10)
  const first = Math.floor(low / step + 1e-9)
  const last = Math.ceil(high / step - 1e-9)
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** Powers of ten, every so many; within two of them 1, 2 and 5 times each; within half of one as on a linear axis. */
function logTicks([low, high]: Extent, numTicks: number): number[] {
  const decades = Math.log10(high / low)
  if (decades < 0.5) {
    const ticks = linearTicks([low, high], numTicks)
    return ticks[0]! > 0 ? ticks : [low, ...ticks.slice(1)]
  }
  const first = Math.floor(Math.log10(low) + 1e-9)
  const last = Math.ceil(Math.log10(high) - 1e-9)
  if (decades > 2) {
    const every = Math.ceil((last - first) / Math.max(1, numTicks))
    const count = Math.ceil((last - first) / every)
    // Counted from the upper end, where 1 stands for shares and probabilities.
    return Array.from({ length: count + 1 }, (_, i) => power(last - (count - i) * every))
  }
  const all = Array.from({ length: last - first + 1 }, (_, i) =>
    [1, 2, 5].map(factor => Number((factor * power(first + i)).toPrecision(3))),
  ).flat()
  const from = all.findLastIndex(tick => tick <= low * (1 + 1e-9))
  const to = all.findIndex(tick => tick >= high * (1 - 1e-9))
  return all.slice(Math.max(0, from), to + 1)
}

function power(exponent: number): number {
  return Number(`1e${exponent}`)
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/** A number as short as it stays exact to four digits: `1,500`, `0.05`, `10⁻⁵`, `2×10⁹`. */
export function shortNumber(value: number): string {
  const size = Math.abs(value)
  if (size === 0 || (size >= 1e-3 && size < 1e6)) {
    return Number(value.toPrecision(4)).toLocaleString('en-US', { maximumFractionDigits: 6 })
  }
  const [digits, exponent] = Number(value.toPrecision(4)).toExponential().split('e') as [string, string]
  const raised = `10${exponent.startsWith('-') ? '⁻' : ''}${exponent.replace(/\D/g, '').replace(/\d/g, digit => SUPERSCRIPTS[Number(digit)]!)}`
  return digits === '1' ? raised : `${digits}×${raised}`
}
