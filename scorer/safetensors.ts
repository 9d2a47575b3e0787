import { BundleError } from './errors.js'
import type { ParameterLayout } from './model/parameters.js'

/** What the header of a safetensors file says of a tensor. */
export interface TensorEntry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

const HEADER_BYTES = 8

/** Serialises a flat parameter vector as a safetensors file, one float32 tensor for each slice of the layout. */
export function writeSafetensors(layout: ParameterLayout, parameters: Float32Array): Buffer {
  const entries: Record<string, TensorEntry> = {}
  for (const { name, shape, offset, size } of layout.slices) {
    entries[name] = { dtype: 'F32', shape, data_offsets: [4 * offset, 4 * (offset + size)] }
  }
  const text = JSON.stringify(entries)
  const header = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8))
  const length = Buffer.alloc(HEADER_BYTES)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([
    length,
    header,
    Buffer.from(parameters.buffer, parameters.byteOffset, parameters.byteLength),
  ])
}

/** Reads the tensors of a layout from a safetensors file. @throws BundleError naming the tensor that is missing or misshapen */
export function readSafetensors(file: Buffer, layout: ParameterLayout): Float32Array {
  const length = file.length < HEADER_BYTES ? -1 : Number(file.readBigUInt64LE(0))
  if (length < 0 || length > file.length - HEADER_BYTES)
    throw new BundleError('the weights file is truncated; train the model again')
  const entries = parseHeader(file.toString('utf8', HEADER_BYTES, HEADER_BYTES + length))
  const data = file.subarray(HEADER_BYTES + length)
  const parameters = new Float32Array(layout.size)
  for (const { name, shape, offset, size } of layout.slices) {
    const entry = entries.get(name)
    if (entry === undefined) throw new BundleError(`the weights file lacks ${name}; train the model again`)
    const [start, end] = entry.data_offsets
    if (
      entry.dtype !== 'F32' ||
      entry.shape.join() !== shape.join() ||
      end - start !== 4 * size ||
      start < 0 ||
      end > data.length
    ) {
      throw new BundleError(
        `${name} in the weights file is not float32 of shape (${shape.join(', ')}); train the model again`,
      )
    }
    const bytes = Buffer.from(parameters.buffer, 4 * offset, 4 * size)
    data.copy(bytes, 0, start, end)
  }
  return parameters
}

function parseHeader(text: string): Map<string, TensorEntry> {
  const entries = new Map<string, TensorEntry>()
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch (cause) {
    throw new BundleError('the header of the weights file is damaged; train the model again', cause)
  }
  for (const [name, entry] of Object.entries(header ?? {})) if (isTensorEntry(entry)) entries.set(name, entry)
  return entries
}

/** Whether a value of the header has the form of a tensor's entry; sizes are not checked. */
export function isTensorEntry(entry: unknown): entry is TensorEntry {
  if (typeof entry !== 'object' || entry === null) return false
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>
  return (
    typeof dtype === 'string' &&
    Array.isArray(shape) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every(Number.isSafeInteger)
  )
}
