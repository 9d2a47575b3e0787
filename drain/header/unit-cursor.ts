import { packThree } from './time-names.js'

const NO_UNITS = new Uint16Array(1)
export const SPACE = 0x20

/** A place in the UTF-16 units of a line, and what is read from there on. */
export class UnitCursor {
  protected units: Uint16Array = NO_UNITS
  protected at = 0

  /** Digits from here on, 20 at most. */
  protected countDigits(): number {
    let at = this.at
    while (at - this.at < 20 && isDigit(this.units[at]!)) at++
    return at - this.at
  }

  /** Reads exactly so many digits; NaN if there are fewer. */
  protected number(numDigits: number): number {
    let value = 0
    for (let i = 0; i < numDigits; i++) {
      const digit = this.units[this.at + i]! - 48
      if (!(digit >= 0 && digit <= 9)) return Number.NaN
      value = value * 10 + digit
    }
    this.at += numDigits
    return value
  }

  protected take(unit: number): boolean {
    if (this.units[this.at]! !== unit) return false
    this.at++
    return true
  }

  protected takeSpaces(): boolean {
    const start = this.at
    while (this.units[this.at]! === SPACE) this.at++
    return this.at > start
  }

  /** Three letters, packed as `packThree` does. */
  protected letters(): number {
    const units = this.units
    const at = this.at
    this.at += 3
    return packThree(units[at]! | 32, units[at + 1]! | 32, units[at + 2]! | 32)
  }
}

export function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57
}
