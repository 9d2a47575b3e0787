/** How much a token looks as if it varied from line to line. */
export const Variability = { none: 0, hasDigit: 1, hasMask: 2 } as const

/** What is known of each token of a line: a row in these arrays, `count` of them. */
export class TokenRows {
  count = 0
  /** Id of each token, UNKNOWN where no template holds it. */
  readonly ids: Int32Array
  /** 1 where a token is a plain word, and no value of a key. */
  readonly isWord: Uint8Array
  /** A `Variability` each. */
  readonly variability: Uint8Array
  /** 1 where no space stands before the token: the value of `key=value`. */
  readonly isGlued: Uint8Array
  /** 1 where several tokens were taken as one list, or the line was cut. */
  readonly isJoined: Uint8Array
  /** Bounds of each token in the units of the line. */
  readonly rawStart: Int32Array
  readonly rawEnd: Int32Array

  constructor(maxTokens: number) {
    this.ids = new Int32Array(maxTokens)
    this.isWord = new Uint8Array(maxTokens)
    this.variability = new Uint8Array(maxTokens)
    this.isGlued = new Uint8Array(maxTokens)
    this.isJoined = new Uint8Array(maxTokens)
    this.rawStart = new Int32Array(maxTokens)
    this.rawEnd = new Int32Array(maxTokens)
  }
}
