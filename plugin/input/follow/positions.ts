import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Position } from './identity.js'

const VERSION = 1

const positionSchema = z.strictObject({
  device: z.number(),
  inode: z.number(),
  offset: z.int().min(0),
  fingerprint: z.strictObject({ bytes: z.int().min(0), sha256: z.string() }),
  incarnation: z.string().optional(),
})

const fileSchema = z.strictObject({
  version: z.literal(VERSION),
  files: z.record(z.string(), positionSchema),
})

/** How far each file was delivered, in a file that is replaced as a whole, so that a crash leaves the old or the new one. */
export class Positions {
  readonly #files: Map<string, Position>
  #isChanged = false
  #saving: Promise<void> = Promise.resolve()

  private constructor(
    readonly path: string,
    files: ReadonlyMap<string, Position>,
  ) {
    this.#files = new Map(files)
  }

  /** @throws Error when there is such a file that cannot be understood: to go on would read everything again */
  static async load(path: string): Promise<Positions> {
    await mkdir(dirname(path), { recursive: true })
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (text === undefined) return new Positions(path, new Map())
    try {
      return new Positions(path, new Map(Object.entries(fileSchema.parse(JSON.parse(text)).files)))
    } catch (cause) {
      throw new Error(
        `${path} does not hold positions of files: mend it, or remove it to read the files from their beginning`,
        { cause },
      )
    }
  }

  get(file: string): Position | undefined {
    return this.#files.get(file)
  }

  set(file: string, position: Position): void {
    this.#files.set(file, position)
    this.#isChanged = true
  }

  /** Writes what has changed. Rejects with the system's error, and then writes it the next time. */
  save(): Promise<void> {
    const saved = this.#saving.then(() => this.#save())
    this.#saving = saved.catch(() => {})
    return saved
  }

  async #save(): Promise<void> {
    if (!this.#isChanged) return
    this.#isChanged = false
    try {
      const text = JSON.stringify({ version: VERSION, files: Object.fromEntries(this.#files) })
      const file = await open(`${this.path}.new`, 'w', 0o600)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(`${this.path}.new`, this.path)
    } catch (error) {
      this.#isChanged = true
      throw error
    }
  }
}
