import { TrainOptionsError } from '../errors.js'
import { type GptNeoConfig, type PresetName, presetConfig } from '../model/config.js'
import { fillNormal, initialParameters, parameterLayout, TOKEN_EMBEDDING } from '../model/parameters.js'
import { PretrainedModel, type PretrainedOrigin } from '../pretrained/pretrained-model.js'
import type { Random } from '../random.js'
import { NUM_SPECIALS } from '../vocabulary.js'
import { DEFAULT_TRAIN_OPTIONS, type TrainOptions } from './options.js'

/**
 * Shape of the model to train: that of the checkpoint `init`, else that of the preset. The vocabulary is always that of the log keys.
 * @throws PretrainedError when the checkpoint cannot be used @throws TrainOptionsError when the preset has another shape than it
 */
export async function modelConfig(
  { preset, init }: Pick<TrainOptions, 'preset' | 'init'>,
  vocabularySize: number,
): Promise<GptNeoConfig> {
  if (init === undefined) return presetConfig(preset ?? DEFAULT_TRAIN_OPTIONS.preset, vocabularySize)
  const { shape } = await PretrainedModel.open(init)
  const config = { ...shape, vocabularySize }
  if (preset !== undefined) refuseOtherShape(config, preset, init)
  return config
}

/** Says at once whether training could start, before a long log is read. @throws as modelConfig does */
export async function checkStart(options: Pick<TrainOptions, 'preset' | 'init'>): Promise<void> {
  await modelConfig(options, NUM_SPECIALS)
}

function refuseOtherShape(config: GptNeoConfig, preset: PresetName, init: string): void {
  const wanted = presetConfig(preset, config.vocabularySize)
  for (const name of Object.keys(wanted) as (keyof GptNeoConfig)[]) {
    if (config[name] === wanted[name]) continue
    throw new TrainOptionsError(
      `the preset ${preset} has ${name} ${wanted[name]}, and the checkpoint in ${init} has ${config[name]}; leave the preset out, as the checkpoint says the shape`,
    )
  }
}

/**
 * Parameters (size) that training starts from: random, or those of the checkpoint `init`.
 *
 * Of a checkpoint the transformer blocks and the last norm are kept, and so are the learned positions: they say how far apart two tokens are, which
 * the attention heads were trained to read, and nothing about what the tokens mean. The token embedding, which is the head too, is new, as in the
 * paper: its rows stood for words.
 * @throws PretrainedError when the checkpoint cannot be used
 */
export async function startingParameters(
  config: GptNeoConfig,
  init: string | undefined,
  random: Random,
): Promise<Float32Array> {
  const layout = parameterLayout(config)
  if (init === undefined) return initialParameters(layout, () => random.normal())
  const parameters = new Float32Array(layout.size)
  const { offset, size } = layout.slices.find(({ name }) => name === TOKEN_EMBEDDING)!
  fillNormal(parameters.subarray(offset, offset + size), () => random.normal())
  const checkpoint = await PretrainedModel.open(init)
  await checkpoint.readTransformer(layout, parameters)
  return parameters
}

/** What the record of a training says about its checkpoint. */
export async function originOf(init: string | undefined): Promise<PretrainedOrigin | undefined> {
  return init === undefined ? undefined : (await PretrainedModel.open(init)).origin()
}
