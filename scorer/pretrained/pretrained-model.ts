import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { PretrainedError } from '../errors.js'
import { type ParameterLayout, parameterLayout, TOKEN_EMBEDDING } from '../model/parameters.js'
import { type PretrainedShape, readShape } from './config-file.js'
import { locateTensors } from './locate-tensors.js'
import { isReadableType, readTensor, type StoredTensor, withFile } from './safetensors-file.js'

/** Where a model's first parameters came from, for the record. */
export interface PretrainedOrigin {
  /** Last part of the directory's path. */
  readonly name: string
  /** Types the tensors were stored in. */
  readonly dtypes: readonly string[]
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[]
}

/**
 * A GPT-Neo in a local Hugging Face directory: config.json with model.safetensors, or with shards and their index.
 * Opening it reads headers alone and checks that every tensor of the transformer is there in its shape.
 */
export class PretrainedModel {
  private constructor(
    readonly directory: string,
    readonly shape: PretrainedShape,
    /** Those that are read, by their names in ParameterLayout. */
    readonly tensors: ReadonlyMap<string, StoredTensor>,
  ) {}

  /** @throws PretrainedError naming the file or tensor that is wrong, and what to do */
  static async open(directory: string): Promise<PretrainedModel> {
    const shape = await readShape(directory)
    // Of the token embedding nothing is read, so its size does not matter.
    const slices = transformerSlices(parameterLayout({ ...shape, vocabularySize: 1 }))
    return new PretrainedModel(directory, shape, select(directory, slices, await locateTensors(directory)))
  }

  /**
   * Reads all tensors but the token embedding into the flat vector of a layout of this shape. Each goes from its range of the file straight to its
   * place, so no second copy of the model is ever held.
   */
  async readTransformer(layout: ParameterLayout, parameters: Float32Array): Promise<void> {
    for (const { name, offset, size } of transformerSlices(layout)) {
      const tensor = this.tensors.get(name)!
      await withFile(tensor.file, handle =>
        readTensor(handle, tensor, parameters.subarray(offset, offset + size)),
      )
    }
  }

  /** Reads every file once more, for its digest. */
  async origin(): Promise<PretrainedOrigin> {
    const tensors = [...this.tensors.values()]
    const paths = [...new Set(tensors.map(({ file }) => file))].sort()
    const files = []
    for (const path of paths) {
      const { size } = await stat(path)
      files.push({ name: basename(path), bytes: size, sha256: await sha256(path) })
    }
    return {
      name: basename(resolve(this.directory)),
      dtypes: [...new Set(tensors.map(({ dtype }) => dtype))].sort(),
      files,
    }
  }
}

function transformerSlices({ slices }: ParameterLayout) {
  return slices.filter(({ name }) => name !== TOKEN_EMBEDDING)
}

/** The tensors of these slices. @throws PretrainedError naming one that is missing, or of another type or shape */
function select(
  directory: string,
  slices: ParameterLayout['slices'],
  tensors: ReadonlyMap<string, StoredTensor>,
): Map<string, StoredTensor> {
  const missing = slices.filter(({ name }) => !tensors.has(name))
  if (missing.length > 0) {
    const others = missing.length === 1 ? '' : ` and ${missing.length - 1} more`
    throw new PretrainedError(
      `the weights in ${directory} lack ${missing[0]!.name}${others}; get the checkpoint again, and its own config.json with it`,
    )
  }
  for (const { name, shape } of slices) checkTensor(tensors.get(name)!, shape)
  return new Map(slices.map(({ name }) => [name, tensors.get(name)!]))
}

function checkTensor({ name, file, dtype, shape }: StoredTensor, expected: readonly number[]): void {
  if (!isReadableType(dtype)) {
    throw new PretrainedError(
      `${name} in ${file} has type ${dtype}, and F32, F16 and BF16 are read; save the checkpoint in one of those`,
    )
  }
  if (shape.join() !== expected.join()) {
    throw new PretrainedError(
      `${name} in ${file} has shape (${shape.join(', ')}), and config.json makes it (${expected.join(', ')}); get both from the same checkpoint`,
    )
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash)
  return hash.digest('hex')
}
