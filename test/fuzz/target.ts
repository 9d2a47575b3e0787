/** A reader of bytes from outside, with what is fed to it. */
export interface FuzzTarget {
  /** Inputs that the reader takes; mutations begin with them. */
  readonly seeds: readonly Uint8Array[]
  /** Pieces that mean something to the reader; mutations put them in. */
  readonly words?: readonly (string | Uint8Array)[]
  /** Largest input, in bytes. Default `MAX_INPUT_BYTES`. */
  readonly maxBytes?: number
  /**
   * Gives an input to the reader.
   * @returns how it ended, in a few words: an input that ends in a new way is kept and mutated further
   * @throws whatever the reader must not throw, or what shows that its result is wrong
   */
  run(input: Buffer): string | Promise<string>
  /** Lets go of files and sockets. */
  close?(): void
}

/** A target by its name, opened only when it is its turn. */
export interface TargetEntry {
  readonly name: string
  /** What of all inputs it gets, compared with the others: those that take little time get more. */
  readonly share: number
  open(): FuzzTarget | Promise<FuzzTarget>
}

export const MAX_INPUT_BYTES = 1 << 20

/** Thrown when a reader gave a result that cannot be right. */
export class WrongResult extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'WrongResult'
  }
}

/** @throws WrongResult */
export function expect(isRight: boolean, what: string): asserts isRight {
  if (!isRight) throw new WrongResult(what)
}

/** A class of errors that a reader is documented to throw. */
export type ErrorClass = abstract new (...parameters: never[]) => Error

/** Runs a reader. @returns its end, the kind of error where that is one of `documented` @throws any other error */
export function endOf(read: () => string, ...documented: readonly ErrorClass[]): string {
  try {
    return read()
  } catch (error) {
    return errorEnd(error, documented)
  }
}

/** As `endOf`, of a reader that takes its time. */
export async function endOfAsync(
  read: () => Promise<string>,
  ...documented: readonly ErrorClass[]
): Promise<string> {
  try {
    return await read()
  } catch (error) {
    return errorEnd(error, documented)
  }
}

const WORDS_OF_END = 4

function errorEnd(error: unknown, documented: readonly ErrorClass[]): string {
  if (!documented.some(kind => error instanceof kind)) throw error
  const { name, message } = error as Error
  // Without what messages show of the input, or each input would be a new end.
  const words = message.replace(/"[^"]*"|[^a-zA-Z ]/g, '').split(' ')
  return [name, ...words.slice(0, WORDS_OF_END)].join(' ')
}
