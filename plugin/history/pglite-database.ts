import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Database, HistoryError, type Query, type Row } from './database.js'
import type { PgliteReply, PgliteRequest } from './pglite-worker.js'

interface Asked {
  resolve(rows: readonly Row[]): void
  reject(error: Error): void
}

/**
 * PostgreSQL compiled into the process (PGlite), in a thread and a folder of its own. Only one process may use the folder: see
 * HistorySocket. It takes about 300 MB of memory, and up to 10 seconds to make the folder the first time.
 */
export class PgliteDatabase implements Database {
  readonly name: string
  readonly #worker: Worker
  readonly #asked = new Map<number, Asked>()
  #numAsked = 0
  /** Statements run one after the other; a transaction is one turn. */
  #turn: Promise<unknown> = Promise.resolve()
  #failure: Error | undefined

  private constructor(folder: string) {
    this.name = `history in ${folder}`
    this.#worker = new Worker(new URL('./pglite-worker.js', import.meta.url), { workerData: { folder } })
    this.#worker.on('message', (reply: PgliteReply) => this.#answered(reply))
    this.#worker.on('error', error => this.#ended(error))
    this.#worker.on('exit', () => this.#ended(new Error('its thread ended')))
    this.#worker.unref()
  }

  /** Opens a folder, which is made when missing, and so is the one around it, which only its owner can read. */
  static async open(folder: string): Promise<PgliteDatabase> {
    await mkdir(dirname(folder), { recursive: true, mode: 0o700 })
    return new PgliteDatabase(folder)
  }

  readonly query: Query = (text, parameters = []) => this.#inTurn(() => this.#ask({ text, parameters }))

  transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const query: Query = (text, parameters = []) => this.#ask({ text, parameters })
    return this.#inTurn(async () => {
      await query('BEGIN')
      try {
        const result = await work(query)
        await query('COMMIT')
        return result
      } catch (error) {
        await query('ROLLBACK').catch(() => {})
        throw error
      }
    })
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#ask({ isEnd: true })).catch(() => {})
    await this.#worker.terminate()
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {})
    return result
  }

  #ask(request: { text: string; parameters: readonly unknown[] } | { isEnd: true }): Promise<readonly Row[]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      const id = this.#numAsked++
      // The process stays for an answer that is due, and for nothing else.
      this.#worker.ref()
      this.#asked.set(id, { resolve, reject })
      this.#worker.postMessage({ id, ...request } as PgliteRequest)
    })
  }

  #answered(reply: PgliteReply): void {
    const asked = this.#asked.get(reply.id)
    this.#asked.delete(reply.id)
    if (this.#asked.size === 0) this.#worker.unref()
    if ('rows' in reply) asked?.resolve(reply.rows)
    else asked?.reject(Object.assign(new Error(reply.error), { code: reply.code }))
  }

  #ended(cause: Error): void {
    this.#failure ??= new HistoryError(`${this.name} failed: ${cause.message}`, false, { cause })
    for (const { reject } of this.#asked.values()) reject(this.#failure)
    this.#asked.clear()
  }
}
