import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d
/** Longer lines are cut into pieces of this size, so that a file without line ends cannot fill the memory. */
const MAX_LINE_BYTES = 16 * 2 ** 20
const READ_BYTES = 2 ** 18

/** Thrown when an input file cannot be read. */
export class InputError extends Error {
  readonly code = 'ERR_INPUT'
  readonly retriable = false

  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = new.target.name
  }
}

/** The lines of files one after the other, plain or gzip by their first bytes, `-` for standard input. @throws InputError */
export async function* readLines(paths: readonly string[]): AsyncGenerator<string> {
  for (const path of paths) {
    try {
      yield* splitLines(path === '-' ? process.stdin : await openFile(path))
    } catch (cause) {
      throw new InputError(`cannot read ${path}: ${reasonOf(cause)}`, cause)
    }
  }
}

/** What users run into, in words; else what the system says. */
function reasonOf(cause: unknown): string {
  const { code } = cause as { code?: unknown }
  if (code === 'EISDIR') return 'it is a directory; name the files in it'
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'you are not allowed to; change its permissions or who you are'
  return cause instanceof Error ? cause.message : String(cause)
}

async function openFile(path: string): Promise<Readable> {
  const handle = await open(path)
  const magic = Buffer.alloc(2)
  const { bytesRead } = await handle.read(magic, 0, 2, 0).finally(() => handle.close())
  const file = createReadStream(path, { highWaterMark: READ_BYTES })
  if (bytesRead < 2 || magic[0] !== 0x1f || magic[1] !== 0x8b) return file
  const unzipped = createGunzip({ chunkSize: READ_BYTES })
  file.on('error', error => unzipped.destroy(error))
  return file.pipe(unzipped)
}

/** Splits bytes into lines without their ends (LF or CRLF); invalid UTF-8 becomes U+FFFD. */
export async function* splitLines(source: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const piece of source) {
    const data = typeof piece === 'string' ? Buffer.from(piece) : piece
    let start = 0
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
      if (restBytes > 0) {
        yield lineText(Buffer.concat([...rest, data.subarray(start, end)]))
        rest = []
        restBytes = 0
      } else {
        yield lineText(data.subarray(start, end))
      }
      start = end + 1
    }
    if (start < data.length) {
      rest.push(data.subarray(start))
      restBytes += data.length - start
    }
    if (restBytes > MAX_LINE_BYTES) {
      yield lineText(Buffer.concat(rest))
      rest = []
      restBytes = 0
    }
  }
  if (restBytes > 0) yield lineText(Buffer.concat(rest))
}

function lineText(bytes: Buffer): string {
  const end = bytes[bytes.length - 1] === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length
  return bytes.toString('utf8', 0, end)
}
