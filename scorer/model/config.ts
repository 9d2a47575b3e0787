/** Shape of a GPT-Neo. Names follow the published configuration files. */
export interface GptNeoConfig {
  /** Token ids the model knows: specials plus log keys. */
  readonly vocabularySize: number
  /** D, the width of the residual stream. */
  readonly hiddenSize: number
  readonly numLayers: number
  /** H; hiddenSize is divisible by it. */
  readonly numHeads: number
  /** Width of the feed-forward layer, 4 D in every published model. */
  readonly intermediateSize: number
  /** C, the longest sequence of tokens the learned positions cover. */
  readonly contextLength: number
  /** How many tokens back a local layer sees, the current one included. Layers alternate: global, local, global... */
  readonly windowSize: number
  readonly layerNormEpsilon: number
}

export type PresetName = 'nano' | 'small' | '125M' | '1.3B' | '2.7B'

type PresetShape = Omit<GptNeoConfig, 'vocabularySize' | 'intermediateSize' | 'layerNormEpsilon'>

/** nano and small are trained from scratch on log keys; the others have the shapes of the published checkpoints. */
const PRESETS: Readonly<Record<PresetName, PresetShape>> = {
  nano: { hiddenSize: 64, numLayers: 2, numHeads: 4, contextLength: 128, windowSize: 16 },
  small: { hiddenSize: 128, numLayers: 4, numHeads: 4, contextLength: 256, windowSize: 32 },
  '125M': { hiddenSize: 768, numLayers: 12, numHeads: 12, contextLength: 2048, windowSize: 256 },
  '1.3B': { hiddenSize: 2048, numLayers: 24, numHeads: 16, contextLength: 2048, windowSize: 256 },
  '2.7B': { hiddenSize: 2560, numLayers: 32, numHeads: 20, contextLength: 2048, windowSize: 256 },
}

export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[]

export function presetConfig(preset: PresetName, vocabularySize: number): GptNeoConfig {
  const shape = PRESETS[preset]
  return { ...shape, vocabularySize, intermediateSize: 4 * shape.hiddenSize, layerNormEpsilon: 1e-5 }
}

/** Whether a layer (zero-based) attends only to the last windowSize tokens. */
export function isLocalLayer(layer: number): boolean {
  return layer % 2 === 1
}
