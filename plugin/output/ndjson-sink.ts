import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { entryTimeMs, type PackedEntries } from '../chunk.js'
import { ClosedError, DeliveryError } from '../errors.js'
import { entryJson } from './entry-json.js'
import type { Output } from './output.js'

/** Tagged records as JSON lines, `{"tag","time",...record}`, to a file or standard output. */
export class NdjsonSink implements Output {
  readonly name: string
  readonly #stream: Writable
  #failure: Error | undefined
  #isOpen = true

  /** @param path a file to append to; `-` is standard output */
  constructor(path: string) {
    this.name = path === '-' ? 'ndjson on standard output' : `ndjson ${path}`
    this.#stream = path === '-' ? process.stdout : createWriteStream(path, { flags: 'a' })
    this.#stream.on('error', error => {
      this.#failure = error
    })
  }

  get isReady(): boolean {
    return this.#failure === undefined
  }

  deliver(tag: string, entries: PackedEntries): Promise<void> {
    if (!this.#isOpen)
      return Promise.reject(new ClosedError(`${this.name} is closed: deliver before closing it`))
    let text = ''
    for (let i = 0; i < entries.count; i++) text += `${toJson(tag, entries, i)}\n`
    return new Promise((resolve, reject) => {
      this.#stream.write(text, error => {
        if (error)
          reject(
            new DeliveryError(`cannot write ${this.name}: ${error.message}; make room or mend the path`, {
              cause: error,
            }),
          )
        else resolve()
      })
    })
  }

  close(): Promise<void> {
    this.#isOpen = false
    if (this.#stream === process.stdout) return Promise.resolve()
    return new Promise(resolve => {
      this.#stream.once('close', resolve)
      this.#stream.end()
      if (this.#stream.destroyed) resolve()
    })
  }
}

function toJson(tag: string, entries: PackedEntries, i: number): string {
  const timeMs = entryTimeMs(entries, i)
  const time = Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : null
  return entryJson(entries, i, { tag, time })
}
