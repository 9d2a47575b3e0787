/** The part of PostgreSQL's frontend/backend protocol 3.0 that the recording clients speak. */

const PROTOCOL_VERSION = 196608
const CANCEL_REQUEST_CODE = 80877102

export interface BackendMessage {
  /** One-letter message type. */
  readonly type: string
  readonly body: Buffer
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`)
}

function untyped(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([int32(body.length + 4), body])
}

function message(type: string, ...parts: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(type), untyped(...parts)])
}

export function startup(parameters: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [text(name), text(value)])
  return untyped(int32(PROTOCOL_VERSION), ...pairs, Buffer.alloc(1))
}

export function cancelRequest(pid: number, secret: number): Buffer {
  return untyped(int32(CANCEL_REQUEST_CODE), int32(pid), int32(secret))
}

export const password = (value: string): Buffer => message('p', text(value))
export const query = (sql: string): Buffer => message('Q', text(sql))
export const parse = (name: string, sql: string): Buffer => message('P', text(name), text(sql), int16(0))
export const describePortal = (): Buffer => message('D', Buffer.from('P'), text(''))
export const execute = (): Buffer => message('E', text(''), int32(0))
export const sync = (): Buffer => message('S')
export const copyData = (data: string): Buffer => message('d', Buffer.from(data))
export const copyDone = (): Buffer => message('c')
export const terminate = (): Buffer => message('X')

/** Binds text parameters to statement `name` in the unnamed portal. */
export function bind(name: string, parameters: readonly string[]): Buffer {
  const values = parameters.flatMap(value => {
    const bytes = Buffer.from(value)
    return [int32(bytes.length), bytes]
  })
  return message('B', text(''), text(name), int16(0), int16(parameters.length), ...values, int16(0))
}

/** Cuts a byte stream into backend messages. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0)

  /** The messages that `chunk` completes. */
  push(chunk: Buffer): BackendMessage[] {
    const messages: BackendMessage[] = []
    this.#rest = Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= 5) {
      const end = this.#rest.readInt32BE(1) + 1
      if (this.#rest.length < end) break
      const body = this.#rest.subarray(5, end)
      const type = String.fromCharCode(this.#rest[0]!)
      this.#rest = this.#rest.subarray(end)
      messages.push({ type, body })
    }
    return messages
  }
}

/** The fields of an ErrorResponse by their one-letter codes. */
export function errorFields(body: Buffer): Map<string, string> {
  const fields = new Map<string, string>()
  for (const field of body.toString().split('\0')) if (field !== '') fields.set(field[0]!, field.slice(1))
  return fields
}

/** The columns of a DataRow in text form; NULL becomes the empty string. */
export function dataRow(body: Buffer): string[] {
  const columns: string[] = []
  let at = 2
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at)
    at += 4
    columns.push(length < 0 ? '' : body.toString('utf8', at, at + length))
    at += Math.max(length, 0)
  }
  return columns
}
