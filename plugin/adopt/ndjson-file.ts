import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'

const LINE_END = 10

/** What such a file holds. */
export interface NdjsonContents {
  readonly values: unknown[]
  /** Lines that are no JSON: the last one, where a write was cut off. */
  readonly numDamaged: number
  readonly bytes: number
}

/** A file of JSON lines. Each is on disk before `append` returns, so it is for what comes seldom. */
export class NdjsonFile {
  constructor(readonly path: string) {}

  /** Nothing where there is no file. Damaged lines are left out and counted. */
  read(): NdjsonContents {
    const text = readText(this.path)
    const values: unknown[] = []
    let numDamaged = 0
    for (const line of text.split('\n')) {
      if (line === '') continue
      try {
        values.push(JSON.parse(line))
      } catch {
        numDamaged++
      }
    }
    return { values, numDamaged, bytes: Buffer.byteLength(text) }
  }

  append(value: unknown): void {
    mkdirSync(dirname(this.path), { recursive: true })
    const file = openSync(this.path, 'a+', 0o600)
    try {
      // A line that was cut off must not spoil this one.
      writeFileSync(file, `${endsInLine(file) ? '\n' : ''}${JSON.stringify(value)}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  }

  /** Puts other values in place of all, at once. */
  replace(values: readonly unknown[]): void {
    mkdirSync(dirname(this.path), { recursive: true })
    const fresh = `${this.path}.new-${process.pid}`
    writeFileSync(fresh, values.map(value => `${JSON.stringify(value)}\n`).join(''), {
      mode: 0o600,
      flush: true,
    })
    renameSync(fresh, this.path)
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

function endsInLine(file: number): boolean {
  const { size } = fstatSync(file)
  const last = Buffer.alloc(1)
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== LINE_END
}
