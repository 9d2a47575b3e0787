import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { PretrainedError } from '../errors.js'
import { type GptNeoConfig, isLocalLayer } from '../model/config.js'

/** Shape of a checkpoint's transformer; its vocabulary is that of its text, not of log keys. */
export type PretrainedShape = Omit<GptNeoConfig, 'vocabularySize'>

const CONFIG_FILE = 'config.json'

const size = z.number().int().positive()
const layerKind = z.enum(['global', 'local'])

/** What is read of config.json; the defaults are those of GPTNeoConfig, which older files rely on. */
const configSchema = z.object({
  model_type: z.literal('gpt_neo', { error: 'only GPT-Neo checkpoints ("gpt_neo") can be started from' }),
  activation_function: z
    .literal('gelu_new', { error: 'only the activation "gelu_new" is computed' })
    .default('gelu_new'),
  hidden_size: size,
  num_layers: size,
  num_heads: size,
  intermediate_size: size.nullable().default(null),
  max_position_embeddings: size.default(2048),
  window_size: size.default(256),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  attention_types: z.array(z.tuple([z.array(layerKind), size.max(1000)])),
})

type ConfigFile = z.infer<typeof configSchema>

/**
 * Reads the shape of a model from the config.json of a Hugging Face directory.
 * @throws PretrainedError when there is none, or when it describes another architecture than ours
 */
export async function readShape(directory: string): Promise<PretrainedShape> {
  const file = join(directory, CONFIG_FILE)
  const parsed = configSchema.safeParse(await readJson(file))
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw unusable(file, `${path.join('.') || 'its content'}: ${message}`)
  }
  const config = parsed.data
  checkLayers(file, config)
  if (config.hidden_size % config.num_heads !== 0)
    throw unusable(
      file,
      `hidden_size ${config.hidden_size} cannot be divided by num_heads ${config.num_heads}`,
    )
  return {
    hiddenSize: config.hidden_size,
    numLayers: config.num_layers,
    numHeads: config.num_heads,
    intermediateSize: config.intermediate_size ?? 4 * config.hidden_size,
    contextLength: config.max_position_embeddings,
    windowSize: config.window_size,
    layerNormEpsilon: config.layer_norm_epsilon,
  }
}

/** attention_types lists patterns with how often each is repeated: [[["global", "local"], 6]] is twelve layers. */
function checkLayers(file: string, { attention_types: types, num_layers: numLayers }: ConfigFile): void {
  const kinds = types.flatMap(([pattern, times]) => new Array<string[]>(times).fill(pattern).flat())
  const isAlternating = kinds.every((kind, layer) => kind === (isLocalLayer(layer) ? 'local' : 'global'))
  if (kinds.length !== numLayers || !isAlternating) {
    throw unusable(
      file,
      `attention_types: must alternate "global" and "local" over the ${numLayers} layers, as in the published models`,
    )
  }
}

/** Reads a JSON file of a checkpoint. @throws PretrainedError when it cannot be read or is not JSON */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown
  } catch (cause) {
    throw new PretrainedError(
      `cannot read ${file}: ${(cause as Error).message}; --init takes a local directory with the config.json and model.safetensors of a GPT-Neo`,
      cause,
    )
  }
}

function unusable(file: string, what: string): PretrainedError {
  return new PretrainedError(
    `${file}: ${what}; start from a GPT-Neo such as EleutherAI/gpt-neo-125m, or leave --init out`,
  )
}
