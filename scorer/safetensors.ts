import { BundleError } from './errors.js'
import type { ParameterLayout, ParameterSlice } from './model/parameters.js'

/** What the header of a safetensors file says of a tensor. */
export interface TensorEntry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

const HEADER_BYTES = 8
const METADATA = '__metadata__'

/**
 * Serialises a flat parameter vector as a safetensors file, one float32 tensor for each slice of the layout. The vector may come in pieces.
 * @returns the file in pieces, those of `data` among them as they are: a large model is not copied
 */
export function writeSafetensors(
  layout: ParameterLayout,
  data: readonly Float32Array[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array[] {
  const entries: Record<string, unknown> = metadata === undefined ? {} : { [METADATA]: metadata }
  for (const { name, shape, offset, size } of layout.slices) {
    entries[name] = { dtype: 'F32', shape, data_offsets: [4 * offset, 4 * (offset + size)] }
  }
  const text = Buffer.from(JSON.stringify(entries))
  const header = Buffer.alloc(HEADER_BYTES + Math.ceil(text.length / 8) * 8, ' ')
  header.writeBigUInt64LE(BigInt(header.length - HEADER_BYTES))
  header.set(text, HEADER_BYTES)
  return [
    header,
    ...data.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)),
  ]
}

/**
 * Reads the tensors of a layout from a safetensors file. Where they lie there as in the layout, as in our own files, the result is a view of
 * `file`: a large model is not held twice.
 * @throws BundleError naming the tensor that is missing or misshapen
 */
export function readSafetensors(file: Buffer, layout: ParameterLayout): Float32Array {
  const { header, data } = splitFile(file)
  const places = layout.slices.map(slice => ({ slice, start: findTensor(header, slice, data.length) }))
  if (data.byteOffset % 4 === 0 && places.every(({ slice, start }) => start === 4 * slice.offset))
    return new Float32Array(data.buffer, data.byteOffset, layout.size)
  const parameters = new Float32Array(layout.size)
  for (const { slice, start } of places)
    data.copy(new Uint8Array(parameters.buffer, 4 * slice.offset), 0, start, start + 4 * slice.size)
  return parameters
}

/** The texts by name that a safetensors file carries beside its tensors. @throws BundleError if the header is damaged */
export function readMetadata(file: Buffer): Readonly<Record<string, unknown>> {
  return (splitFile(file).header[METADATA] ?? {}) as Record<string, unknown>
}

function splitFile(file: Buffer): { header: Readonly<Record<string, unknown>>; data: Buffer } {
  const length = file.length < HEADER_BYTES ? -1 : Number(file.readBigUInt64LE(0))
  if (length < 0 || length > file.length - HEADER_BYTES)
    throw new BundleError('the weights file is truncated; train the model again')
  try {
    const header: unknown = JSON.parse(file.toString('utf8', HEADER_BYTES, HEADER_BYTES + length))
    return { header: Object(header) as Record<string, unknown>, data: file.subarray(HEADER_BYTES + length) }
  } catch (cause) {
    throw new BundleError('the header of the weights file is damaged; train the model again', cause)
  }
}

/** Where a tensor begins, in bytes. */
function findTensor(
  header: Readonly<Record<string, unknown>>,
  { name, shape, size }: ParameterSlice,
  numBytes: number,
): number {
  const entry = header[name]
  if (!isTensorEntry(entry)) throw new BundleError(`the weights file lacks ${name}; train the model again`)
  const [start, end] = entry.data_offsets
  if (
    entry.dtype !== 'F32' ||
    entry.shape.join() !== shape.join() ||
    end - start !== 4 * size ||
    start < 0 ||
    end > numBytes
  ) {
    throw new BundleError(
      `${name} in the weights file is not float32 of shape (${shape.join(', ')}); train the model again`,
    )
  }
  return start
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
