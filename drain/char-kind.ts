/** What a character says about the token that holds it; bits, so that a token's kinds add up by "or". */
export const CharKind = {
  space: 0,
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
  /** Place of the first trailing character, -1 for none. */
  readonly firstTrailing: number
}

export function kindsOf(text: string): TextKinds {
  let all = 0
  let firstTrailing = -1
  for (let i = 0; i < text.length; i++) {
    const kind = kindOf(text.charCodeAt(i))
    all |= kind
    if (kind === CharKind.trailing && firstTrailing < 0) firstTrailing = i
  }
  return { all, first: text === '' ? 0 : kindOf(text.charCodeAt(0)), firstTrailing }
}

function kindOf(unit: number): number {
  return unit < 128 ? ASCII_KIND[unit]! : CharKind.letter
}

/** A word of letters, `_` and `-` that begins with a letter, with at most one trailing mark at its end. */
export function isPlainWord(all: number, first: number, length: number, firstTrailing: number): boolean {
  return (
    first === CharKind.letter &&
    (all & ~(CharKind.letter | CharKind.joiner | CharKind.trailing)) === 0 &&
    (firstTrailing < 0 || firstTrailing === length - 1)
  )
}
