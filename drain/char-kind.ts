/** What a character says about the token that holds it; bits, so that a token's kinds add up by "or". */
export const CharKind = {
  letter: 1,
  digit: 2,
  /** `_` and `-`, which join parts of a word. */
  joiner: 4,
  /** `:`, `,`, `.` and `;`, which may follow a word. */
  trailing: 8,
  other: 16,
  /** Characters that a key of `key=value` cannot hold: `/ ? & % @`. */
  notKey: 32,
  equals: 64,
  /** White space and delimiters, the highest of the kinds. */
  space: 128,
} as const

/** Kind of every ASCII character; all others are letters. */
const ASCII_KIND = new Uint8Array(128).fill(CharKind.other)
set('\t\n\v\f\r ', CharKind.space)
set('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', CharKind.letter)
set('0123456789', CharKind.digit)
set('_-', CharKind.joiner)
set(':,.;', CharKind.trailing)
set('/?&%@', CharKind.other | CharKind.notKey)
set('=', CharKind.other | CharKind.equals)

function set(characters: string, kind: number): void {
  for (const character of characters) ASCII_KIND[character.charCodeAt(0)] = kind
}

/** The table of kinds of all 65,536 units, with further characters taken as separators. */
export function kindTable(delimiters: string): Uint8Array {
  const table = new Uint8Array(65_536).fill(CharKind.letter)
  table.set(ASCII_KIND)
  for (let i = 0; i < delimiters.length; i++) table[delimiters.charCodeAt(i)] = CharKind.space
  return table
}

export interface TextKinds {
  /** Kinds of all characters together. */
  readonly all: number
  readonly first: number
  readonly last: number
  /** Trailing characters wherever they stand. */
  readonly numTrailing: number
}

export function kindsOf(text: string): TextKinds {
  let all = 0
  let numTrailing = 0
  for (let i = 0; i < text.length; i++) {
    const kind = kindOf(text.charCodeAt(i))
    all |= kind
    if (kind === CharKind.trailing) numTrailing++
  }
  return {
    all,
    first: kindOf(text.charCodeAt(0)),
    last: kindOf(text.charCodeAt(text.length - 1)),
    numTrailing,
  }
}

function kindOf(unit: number): number {
  return unit < 128 ? ASCII_KIND[unit]! : CharKind.letter
}

/** A word of letters, `_` and `-` that begins with a letter, with at most one trailing mark, at its end. */
export function isPlainWord(all: number, first: number, last: number, numTrailing: number): boolean {
  return (
    first === CharKind.letter &&
    (all & ~(CharKind.letter | CharKind.joiner | CharKind.trailing)) === 0 &&
    (numTrailing === 0 || (numTrailing === 1 && last === CharKind.trailing))
  )
}
