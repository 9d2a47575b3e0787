import { quote, rarity } from '../explain.js'
import type { HabitFinding } from './finding.js'

const MAX_VALUE_LENGTH = 60
/** A level that a larger share of sessions has is not worth telling. */
const MAX_RARE = 0.1

/** What the level of a line adds to the sentence about its key. */
export function explainLevel(level: HabitFinding | undefined): string {
  return level === undefined || level.seen > MAX_RARE * level.of
    ? ''
    : `, at level ${level.value} (as rare a level comes in ${rarity(level.seen, level.of)} normal sessions)`
}

/** One sentence about what is odd in a line's values or in its time. @param template of the line @param previous of the line before in its session */
export function explainHabit(
  { kind, value, usual, seen, of }: HabitFinding,
  template: string | undefined,
  previous: string | undefined,
): string {
  const it = quote(template)
  const share = `in ${rarity(seen, of)} normal sessions`
  switch (kind) {
    case 'value':
      return `${it} came with ${short(value)}, a value as rare as ${share} with such a line${usually(usual)}`
    case 'constant':
      return `${it} came with ${short(value)} where all of ${of.toLocaleString('en-US')} normal sessions with such a line have ${short(usual!)}`
    case 'high':
      return `${it} came with ${short(value)}; so large a number comes ${share} with such a line`
    case 'low':
      return `${it} came with ${short(value)}; so small a number comes ${share} with such a line`
    case 'pause':
      return `${it} came ${value} after ${quote(previous)}; so long a pause comes there ${share}`
    case 'haste':
      return `${it} came only ${value} after ${quote(previous)}; so soon it comes there ${share}`
    case 'burst':
      return `${value}; so many come ${share}`
    case 'level':
      return `a line came at level ${value}, as rare as ${share}`
  }
}

function usually(usual: string | undefined): string {
  return usual === undefined ? '' : ` (usually ${short(usual)})`
}

function short(value: string): string {
  return value.length > MAX_VALUE_LENGTH ? `${value.slice(0, MAX_VALUE_LENGTH)}...` : value
}
