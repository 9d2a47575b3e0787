import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { PretrainedError } from '../errors.js'
import { readJson } from './config-file.js'
import { listTensors, type StoredTensor } from './safetensors-file.js'

const SINGLE_FILE = 'model.safetensors'
const INDEX_FILE = 'model.safetensors.index.json'
const PREFIX = 'transformer.'
const CONVERT = 'convert it once in Python: GPTNeoForCausalLM.from_pretrained(DIR).save_pretrained(DIR)'

/**
 * Finds the tensors of a Hugging Face directory, by their names with the prefix `transformer.`, which models saved without their head lack.
 * @throws PretrainedError when the weights are missing, damaged, or in another format
 */
export async function locateTensors(directory: string): Promise<Map<string, StoredTensor>> {
  const tensors = await listAll(directory)
  return new Map(
    tensors.map(tensor => [tensor.name.startsWith(PREFIX) ? tensor.name : PREFIX + tensor.name, tensor]),
  )
}

async function listAll(directory: string): Promise<StoredTensor[]> {
  const entries = await readdir(directory)
  if (entries.includes(SINGLE_FILE)) return listTensors(join(directory, SINGLE_FILE))
  if (entries.includes(INDEX_FILE)) return listShards(directory)
  const isPickled = entries.some(name => /^pytorch_model.*\.bin$/.test(name))
  throw new PretrainedError(
    isPickled
      ? `${directory} has its weights in pytorch_model.bin only, which can execute code and is not read; ${CONVERT}`
      : `${directory} has neither ${SINGLE_FILE} nor ${INDEX_FILE}; get the weights of the checkpoint too`,
  )
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string().regex(/^\w[\w.-]*$/)) })

async function listShards(directory: string): Promise<StoredTensor[]> {
  const file = join(directory, INDEX_FILE)
  const parsed = indexSchema.safeParse(await readJson(file))
  if (!parsed.success)
    throw new PretrainedError(`${file} does not map tensors to files beside it; get the checkpoint again`)
  const expected = parsed.data.weight_map
  const tensors = []
  for (const shard of new Set(Object.values(expected)))
    tensors.push(...(await listTensors(join(directory, shard))))
  const found = new Set(tensors.map(tensor => `${tensor.name} ${basename(tensor.file)}`))
  for (const [name, shard] of Object.entries(expected)) {
    if (!found.has(`${name} ${shard}`))
      throw new PretrainedError(
        `${join(directory, shard)} lacks ${name}, which ${INDEX_FILE} says it holds; get it again`,
      )
  }
  return tensors
}
