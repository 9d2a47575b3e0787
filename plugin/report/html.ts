/** Markup that is safe to put into a page as it is. */
export type Html = string

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text for the content of an element or for a quoted attribute. */
export function escapeHtml(text: string): Html {
  return text.replace(/[&<>"']/g, character => ENTITIES[character]!)
}

/**
 * What a reader would not see, or what would move the text around it: controls, line and paragraph separators, zero-width and bidirectional
 * formatting characters, tags, halves of surrogate pairs. The joiners U+200C and U+200D stay, which scripts and emoji need.
 */
const INVISIBLE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu

/** Text of a log: at most `maxLength` characters of it, isolated from the direction of the text around it, invisible characters named. */
export function logText(text: string, maxLength: number): Html {
  const shown = [...text.slice(0, 2 * maxLength + 2)]
  const isCut = shown.length > maxLength
  return `<bdi>${shown.slice(0, maxLength).map(showCharacter).join('')}</bdi>${isCut ? '…' : ''}`
}

function showCharacter(character: string): Html {
  if (character.search(INVISIBLE) < 0) return escapeHtml(character)
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  return `<span class="code">U+${code}</span>`
}

/** `47,328` */
export function integer(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** `1 session`, `20 sessions` */
export function counted(count: number, noun: string): string {
  return `${integer(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** A share of one as a percentage of two digits or so: `0.2 %`, `37 %`. */
export function percent(share: number): string {
  const value = 100 * share
  if (value === 0 || value >= 99.95) return `${value.toFixed(0)} %`
  if (value >= 10) return `${value.toFixed(value > 99 ? 1 : 0)} %`
  return value < 0.001 ? '< 0.001 %' : `${Number(value.toPrecision(2))} %`
}

/** Odds to two digits: `1 in 1,400`. */
export function oneIn(odds: number): string {
  return `1 in ${integer(Number(odds.toPrecision(2)))}`
}

/** A duration for people: `41 s`, `2 min 5 s`, `1 h 20 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 === 0 ? '' : ` ${whole % 60} s`}`
  const minutes = Math.round(whole / 60)
  return `${Math.floor(minutes / 60)} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`
}
