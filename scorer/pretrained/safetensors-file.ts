import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { PretrainedError } from '../errors.js'
import { isTensorEntry, type TensorEntry } from '../safetensors.js'
import { widenBfloat16, widenFloat16 } from './half-floats.js'

/** A tensor as it lies in a file. */
export interface StoredTensor {
  readonly name: string
  readonly file: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** First byte within the file. */
  readonly start: number
  readonly numBytes: number
}

const LENGTH_BYTES = 8
/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000
/** Bytes read at a time: large enough to be fast, small beside any model. */
const CHUNK_BYTES = 4 * 2 ** 20

/** Bytes of a number of each type that can be read. */
const NUMBER_BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 }

/** Lists the tensors of a safetensors file; reads its header alone. @throws PretrainedError when the file is missing, damaged or cut short */
export async function listTensors(file: string): Promise<StoredTensor[]> {
  return withFile(file, async handle => {
    const { size } = await handle.stat()
    const length = Buffer.alloc(LENGTH_BYTES)
    await readFully(handle, file, length, 0)
    const headerBytes = Number(length.readBigUInt64LE(0))
    if (headerBytes > MAX_HEADER_BYTES)
      throw damaged(file, `it is no safetensors file (a header of ${headerBytes} bytes)`)
    const header = Buffer.alloc(headerBytes)
    await readFully(handle, file, header, LENGTH_BYTES)
    const tensors = [...parseHeader(file, header.toString('utf8'), LENGTH_BYTES + headerBytes)]
    const end = tensors.reduce((most, { start, numBytes }) => Math.max(most, start + numBytes), 0)
    if (end > size) throw damaged(file, `it is cut short: ${size} of ${end} bytes are there`)
    return tensors
  })
}

function* parseHeader(file: string, text: string, dataStart: number): Generator<StoredTensor> {
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch (cause) {
    throw damaged(file, 'its header is not JSON', cause)
  }
  if (typeof header !== 'object' || header === null) throw damaged(file, 'its header is not a JSON object')
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue
    if (!isTensorEntry(entry) || !isSound(entry)) throw damaged(file, `its header describes ${name} wrongly`)
    const [start, end] = entry.data_offsets
    yield {
      name,
      file,
      dtype: entry.dtype,
      shape: entry.shape,
      start: dataStart + start,
      numBytes: end - start,
    }
  }
}

/** Of types that are not read, such as the attention masks of older checkpoints, the size of a number is not known. */
function isSound({ dtype, shape, data_offsets: [start, end] }: TensorEntry): boolean {
  if (start < 0 || end < start) return false
  const size = shape.reduce((product, length) => product * length, 1)
  return !isReadableType(dtype) || end - start === size * NUMBER_BYTES[dtype]!
}

/** Whether readTensor can widen numbers of this type. */
export function isReadableType(dtype: string): boolean {
  return Object.hasOwn(NUMBER_BYTES, dtype)
}

/** Reads a tensor (F32, F16 or BF16) into `target`, which has its size, range by range. @throws PretrainedError when the file ends before it does */
export async function readTensor(
  handle: FileHandle,
  tensor: StoredTensor,
  target: Float32Array,
): Promise<void> {
  if (tensor.dtype === 'F32') {
    const bytes = Buffer.from(target.buffer, target.byteOffset, target.byteLength)
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      await readFully(handle, tensor.file, bytes.subarray(at, at + CHUNK_BYTES), tensor.start + at)
    }
    return
  }
  const widen = tensor.dtype === 'BF16' ? widenBfloat16 : widenFloat16
  const chunk = new Uint16Array(Math.min(CHUNK_BYTES / 2, target.length))
  for (let at = 0; at < target.length; at += chunk.length) {
    const bits = chunk.subarray(0, target.length - at)
    const bytes = Buffer.from(bits.buffer, 0, bits.byteLength)
    await readFully(handle, tensor.file, bytes, tensor.start + 2 * at)
    widen(bits, target.subarray(at, at + bits.length))
  }
}

async function readFully(handle: FileHandle, file: string, target: Buffer, position: number): Promise<void> {
  for (let at = 0; at < target.length; ) {
    const { bytesRead } = await handle.read(target, at, target.length - at, position + at)
    if (bytesRead === 0) throw damaged(file, 'it is cut short')
    at += bytesRead
  }
}

/** Opens a file of a checkpoint for the time that `use` takes. @throws PretrainedError when it cannot be opened */
export async function withFile<T>(file: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(file).catch((cause: Error) => {
    throw new PretrainedError(
      `cannot read ${file}: ${cause.message}; get ${basename(file)} of the checkpoint again`,
      cause,
    )
  })
  try {
    return await use(handle)
  } finally {
    await handle.close()
  }
}

function damaged(file: string, what: string, cause?: unknown): PretrainedError {
  return new PretrainedError(`${file} cannot be used: ${what}; get the checkpoint again`, cause)
}
