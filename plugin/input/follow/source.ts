import { randomUUID } from 'node:crypto'
import type { Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import {
  type Fingerprint,
  fingerprintOf,
  isGzip,
  isSameFile,
  isWhole,
  type Position,
  readContentHead,
  readHead,
} from './identity.js'
import type { Place } from './locate.js'

const READ_BYTES = 256 * 1024
const NOTHING = Buffer.alloc(0)

/** A file that is being read. It stays the same file when it is renamed or deleted. */
export class Source {
  readonly #unpacked: AsyncIterator<Buffer> | undefined
  #offset: number
  #fingerprint: Fingerprint
  /** Of when it was last looked at. */
  #modifiedMs: number

  private constructor(
    readonly path: string,
    readonly handle: FileHandle,
    readonly stats: Stats,
    readonly incarnation: string,
    start: { readonly offset: number; readonly fingerprint: Fingerprint; readonly isPacked: boolean },
  ) {
    this.#offset = start.offset
    this.#fingerprint = start.fingerprint
    this.#modifiedMs = stats.mtimeMs
    this.#unpacked = start.isPacked ? unpack(handle, start.offset) : undefined
  }

  /** Opens a file where it is to be begun or gone on with. @throws the system's error */
  static async open({ path, offset, incarnation = randomUUID() }: Place): Promise<Source> {
    const handle = await open(path)
    try {
      const head = await readHead(handle)
      const isPacked = isGzip(head)
      const fingerprint = fingerprintOf(isPacked ? await readContentHead(path) : head)
      return new Source(path, handle, await handle.stat(), incarnation, { offset, fingerprint, isPacked })
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** Whether nothing is ever added to it. */
  get isPacked(): boolean {
    return this.#unpacked !== undefined
  }

  /** Where it stands, less the bytes that are still to be made a line of. */
  position(numOpenBytes: number): Position {
    const { dev: device, ino: inode } = this.stats
    const offset = this.#offset - numOpenBytes
    return { device, inode, offset, fingerprint: this.#fingerprint, incarnation: this.incarnation }
  }

  /** What comes next; empty where nothing does now. */
  async read(): Promise<Buffer> {
    const data = this.#unpacked === undefined ? await this.#readPlain() : await this.#readPacked()
    this.#offset += data.length
    // A short file grows, and with it what can tell it from others.
    if (data.length > 0 && !this.isPacked && !isWhole(this.#fingerprint))
      this.#fingerprint = fingerprintOf(await readHead(this.handle))
    return data
  }

  /** Whether it was written anew since it was last looked at: it is shorter than what was read of it, or begins otherwise. */
  async isRewritten(): Promise<boolean> {
    if (this.isPacked) return false
    const { size, mtimeMs } = await this.handle.stat()
    if (size < this.#offset) return true
    if (mtimeMs === this.#modifiedMs) return false
    this.#modifiedMs = mtimeMs
    return !isSameFile(await readHead(this.handle), this.#fingerprint)
  }

  /** When it was last written to, in milliseconds. */
  async modifiedMs(): Promise<number> {
    return (await this.handle.stat()).mtimeMs
  }

  close(): Promise<void> {
    return this.handle.close()
  }

  async #readPlain(): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    const { bytesRead } = await this.handle.read(buffer, 0, READ_BYTES, this.#offset)
    return buffer.subarray(0, bytesRead)
  }

  async #readPacked(): Promise<Buffer> {
    const { value, done } = await this.#unpacked!.next()
    return done === true ? NOTHING : value
  }
}

/** The content of a compressed file from an offset on. */
async function* unpack(handle: FileHandle, offset: number): AsyncGenerator<Buffer> {
  const file = handle.createReadStream({ start: 0, autoClose: false })
  const unpacked = file.pipe(createGunzip({ chunkSize: READ_BYTES }))
  file.on('error', error => unpacked.destroy(error))
  let left = offset
  for await (const piece of unpacked as AsyncIterable<Buffer>) {
    if (piece.length > left) yield piece.subarray(left)
    left = Math.max(0, left - piece.length)
  }
}
