import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isLocalLayer, type PresetName, presetConfig } from '../../scorer/model/config.js'
import { parameterLayout } from '../../scorer/model/parameters.js'
import { REFERENCE_DIR } from '../fixtures/scorer/reference.js'

/** A published model as the reference implementation builds it. */
interface PublishedModel {
  readonly numParameters: number
  readonly vocabularySize: number
  readonly numLayers: number
  readonly numHeads: number
  readonly contextLength: number
  readonly windowSize: number
  readonly layerNormEpsilon: number
  readonly attentionLayers: readonly string[]
  /** Shapes by name; `*` in a name stands for each layer. */
  readonly tensors: Readonly<Record<string, readonly number[]>>
}

const published = JSON.parse(readFileSync(join(REFERENCE_DIR, 'presets.json'), 'utf8')) as Record<
  string,
  PublishedModel
>

function expand({ tensors, numLayers }: PublishedModel): string[] {
  return Object.entries(tensors)
    .flatMap(([name, shape]) => {
      const names = name.includes('*')
        ? Array.from({ length: numLayers }, (_, layer) => name.replace('*', String(layer)))
        : [name]
      return names.map(each => `${each} (${shape.join()})`)
    })
    .sort()
}

for (const [name, expected] of Object.entries(published)) {
  t.test(`the preset ${name} is the published model, tensor by tensor`, async t => {
    const config = presetConfig(name as PresetName, expected.vocabularySize)
    const { slices, size } = parameterLayout(config)
    t.equal(size, expected.numParameters)
    t.same(slices.map(({ name, shape }) => `${name} (${shape.join()})`).sort(), expand(expected))
    const { numLayers, numHeads, contextLength, windowSize, layerNormEpsilon } = expected
    t.match(config, { numLayers, numHeads, contextLength, windowSize, layerNormEpsilon })
    const kinds = expected.attentionLayers.map((_, layer) => (isLocalLayer(layer) ? 'local' : 'global'))
    t.same(kinds, expected.attentionLayers)
  })
}

t.test('the published sizes are those of the literature', async t => {
  t.same(
    Object.fromEntries(Object.entries(published).map(([name, { numParameters }]) => [name, numParameters])),
    { '125M': 125_198_592, '1.3B': 1_315_575_808, '2.7B': 2_651_307_520 },
  )
})
