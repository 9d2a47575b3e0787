import { appendFile, mkdir, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { checkOptions, isInteger, isPresent, isText, withDefaults } from './check-options.js'
import { type Counters, NO_COUNTERS } from './chunk.js'

/** Takes what cannot be processed, so that it can be looked at and is not sent for ever. */
export interface DeadLetter {
  /**
   * Keeps the beginning of `bytes`. Never rejects: a letter that cannot be written is counted.
   *
   * @param source where the bytes came from
   * @param reason why they were not processed
   */
  write(source: string, reason: string, bytes: Uint8Array): Promise<void>
}

/** Settings of a `DeadLetterFile`. */
export interface DeadLetterOptions {
  /** The file, one JSON object a line; its folder is made when missing. The old file beside it ends in `.1`. */
  readonly path: string
  /** Size in bytes at which the file becomes the old one, so that both together stay under twice this. Default 64 MiB. */
  readonly maxBytes?: number
  /** Bytes kept of each letter, before base64 makes them a third longer. Default 64 KiB. */
  readonly maxLetterBytes?: number
  /** Bytes that may wait to be written; letters beyond are counted and dropped. Default 16 MiB. */
  readonly maxPendingBytes?: number
  /** The time in milliseconds; for tests. Default `Date.now`. */
  readonly now?: () => number
}

export const DEFAULT_DEAD_LETTER_OPTIONS = Object.freeze({
  maxBytes: 64 * 1024 * 1024,
  maxLetterBytes: 64 * 1024,
  maxPendingBytes: 16 * 1024 * 1024,
  now: Date.now,
})

const RULES = {
  path: isText,
  maxBytes: isInteger(1024),
  maxLetterBytes: isInteger(1),
  maxPendingBytes: isInteger(1),
  now: isPresent,
}

/** A bounded file of dead letters. Letters are written one after the other, in the order of `write`. */
export class DeadLetterFile implements DeadLetter {
  readonly #options: Readonly<typeof DEFAULT_DEAD_LETTER_OPTIONS & { path: string }>
  #last: Promise<void> = Promise.resolve()
  #pendingBytes = 0
  /** Size of the file, or unknown before the first letter. */
  #fileBytes: number | undefined

  /**
   * Counts `dead_letters_total`, `dead_letters_dropped_total` and `dead_letter_errors_total`.
   *
   * @throws ConfigError that lists every option that is wrong
   */
  constructor(
    options: DeadLetterOptions,
    readonly counters: Counters = NO_COUNTERS,
  ) {
    checkOptions('deadLetter', options, RULES)
    this.#options = withDefaults({ ...DEFAULT_DEAD_LETTER_OPTIONS, path: options.path }, options)
  }

  write(source: string, reason: string, bytes: Uint8Array): Promise<void> {
    const kept = Buffer.from(bytes.subarray(0, this.#options.maxLetterBytes)).toString('base64')
    const time = new Date(this.#options.now()).toISOString()
    const line = `${JSON.stringify({ time, source, reason, bytes: bytes.length, data: kept })}\n`
    if (this.#pendingBytes + line.length > this.#options.maxPendingBytes) {
      this.counters.increment('dead_letters_dropped_total')
      return Promise.resolve()
    }
    this.#pendingBytes += line.length
    this.#last = this.#last.then(() => this.#append(line))
    return this.#last
  }

  async #append(line: string): Promise<void> {
    try {
      await this.#makeRoom(Buffer.byteLength(line))
      await appendFile(this.#options.path, line, { mode: 0o600 })
      this.counters.increment('dead_letters_total')
    } catch {
      this.#fileBytes = undefined
      this.counters.increment('dead_letter_errors_total')
    } finally {
      this.#pendingBytes -= line.length
    }
  }

  async #makeRoom(bytes: number): Promise<void> {
    const { path, maxBytes } = this.#options
    this.#fileBytes ??= await existingBytes(path)
    if (this.#fileBytes > 0 && this.#fileBytes + bytes > maxBytes) {
      await rename(path, `${path}.1`)
      this.#fileBytes = 0
    }
    this.#fileBytes += bytes
  }
}

async function existingBytes(path: string): Promise<number> {
  await mkdir(dirname(path), { recursive: true })
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return found?.size ?? 0
}
