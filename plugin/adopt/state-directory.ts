import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { type Adoption, Adoptions, adoptionId, adoptionSchema } from './adoptions.js'
import { NdjsonFile } from './ndjson-file.js'
import { odditySchema } from './oddity.js'

/** What was odd about a session that was flagged, so that somebody can say that it is normal. */
export const flaggedSessionSchema = z.object({
  session: z.string(),
  /** As the log tells it. */
  time: z.string().optional(),
  message: z.string(),
  oddities: z.array(odditySchema).max(1000),
  description: z.array(z.string()),
})

export type FlaggedSession = z.infer<typeof flaggedSessionSchema>

const journalSchema = z.discriminatedUnion('event', [
  adoptionSchema.extend({ event: z.literal('adopted') }),
  z.object({ event: z.literal('revoked'), id: z.string(), time: z.string() }),
])

export interface StateOptions {
  /** Told of what is adopted or taken back. */
  readonly onChange?: (event: 'adopted' | 'revoked', adoption: Adoption) => void
  /** Takes one-line messages for the person who runs this. */
  readonly warn?: (message: string) => void
  /** Wall clock in milliseconds; for tests. Default Date.now. */
  readonly now?: () => number
}

export const JOURNAL_FILE = 'adopted.ndjson'
export const FLAGGED_FILE = 'flagged.ndjson'
/** Size from which on the journal is written anew, without what was taken back and adopted again, when it is opened. */
const COMPACT_BYTES = 4 * 2 ** 20
/** Flagged sessions remembered. */
const MAX_FLAGGED = 1000
/** How long the file of flagged sessions may lag behind, in milliseconds. */
const FLUSH_MS = 1000

/**
 * What a stage learns while it runs and must not forget: what it adopted (a journal, each line on disk before it counts), and the sessions
 * flagged last. Without a directory all is kept in memory alone.
 */
export class StateDirectory {
  readonly adoptions = new Adoptions()
  readonly #flagged = new LRUCache<string, FlaggedSession>({ max: MAX_FLAGGED })
  readonly #journal: NdjsonFile | undefined
  readonly #flaggedFile: NdjsonFile | undefined
  #flush: NodeJS.Timeout | undefined

  private constructor(
    readonly path: string | undefined,
    readonly options: StateOptions,
  ) {
    this.#journal = path === undefined ? undefined : new NdjsonFile(join(path, JOURNAL_FILE))
    this.#flaggedFile = path === undefined ? undefined : new NdjsonFile(join(path, FLAGGED_FILE))
  }

  /** @throws the error of the system when what is there cannot be read */
  static open(path?: string, options: StateOptions = {}): StateDirectory {
    const state = new StateDirectory(path, options)
    state.reload()
    for (const value of state.#flaggedFile?.read().values ?? []) {
      const flagged = flaggedSessionSchema.safeParse(value)
      if (flagged.success) state.#flagged.set(flagged.data.session, flagged.data)
    }
    return state
  }

  /** Reads the journal again, which others may have written to. */
  reload(): void {
    if (this.#journal === undefined) return
    const { values, numDamaged, bytes } = this.#journal.read()
    let numUnknown = numDamaged
    this.adoptions.clear()
    for (const value of values) {
      const entry = journalSchema.safeParse(value)
      if (!entry.success) numUnknown++
      else if (entry.data.event === 'revoked') this.adoptions.revoke(entry.data.id)
      else this.adoptions.add(adoptionSchema.parse(entry.data))
    }
    if (numUnknown > 0)
      this.options.warn?.(`${this.#journal.path}: ${numUnknown} damaged lines were left out`)
    if (bytes > COMPACT_BYTES) this.#compact(this.#journal)
  }

  /**
   * Takes something as normal from now on.
   * @returns undefined if it is already, or nothing more can be
   * @throws the error of the system when it cannot be written: it then holds until the next start
   */
  adopt(given: Omit<Adoption, 'id'>): Adoption | undefined {
    const adoption = { id: adoptionId(given.oddities), ...given }
    if (!this.adoptions.add(adoption)) return undefined
    this.options.onChange?.('adopted', adoption)
    this.#journal?.append({ event: 'adopted', ...adoption })
    return adoption
  }

  /** Takes what was odd about a session as normal, because somebody says so. @returns undefined if no such session was flagged lately @throws as adopt */
  mark(session: string): Adoption | undefined {
    const flagged = this.#flagged.get(session)
    if (flagged === undefined || flagged.oddities.length === 0) return undefined
    const { oddities, description } = flagged
    const held = this.adoptions.all().find(({ id }) => id === adoptionId(oddities))
    return held ?? this.adopt({ time: this.#time(), by: 'feedback', session, oddities, description })
  }

  /** @returns what is no longer taken as normal, undefined if there is none of that id @throws as adopt */
  revoke(id: string): Adoption | undefined {
    const adoption = this.adoptions.all().find(one => one.id === id)
    if (adoption === undefined) return undefined
    this.adoptions.revoke(id)
    this.options.onChange?.('revoked', adoption)
    this.#journal?.append({ event: 'revoked', id, time: this.#time() })
    return adoption
  }

  /** Remembers a session that was flagged. */
  flagged(session: FlaggedSession): void {
    this.#flagged.set(session.session, session)
    if (this.#flaggedFile === undefined) return
    this.#flush ??= setTimeout(() => this.#writeFlagged(), FLUSH_MS).unref()
  }

  /** Writes what is not on disk yet. */
  close(): void {
    if (this.#flush !== undefined) this.#writeFlagged()
  }

  #writeFlagged(): void {
    clearTimeout(this.#flush)
    this.#flush = undefined
    try {
      this.#flaggedFile!.replace([...this.#flagged.rvalues()])
    } catch (error) {
      this.options.warn?.(`cannot write ${this.#flaggedFile!.path}: ${(error as Error).message}`)
    }
  }

  #compact(journal: NdjsonFile): void {
    const time = this.#time()
    journal.replace([
      ...this.adoptions.revoked().flatMap(adoption => [
        { event: 'adopted', ...adoption },
        { event: 'revoked', id: adoption.id, time },
      ]),
      ...this.adoptions.all().map(adoption => ({ event: 'adopted', ...adoption })),
    ])
  }

  #time(): string {
    return new Date((this.options.now ?? Date.now)()).toISOString()
  }
}
