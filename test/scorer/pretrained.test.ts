import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import t from 'tap'
import { presetConfig } from '../../scorer/model/config.js'
import { parameterLayout, TOKEN_EMBEDDING } from '../../scorer/model/parameters.js'
import { widenFloat16 } from '../../scorer/pretrained/half-floats.js'
import { Random } from '../../scorer/random.js'
import { modelConfig, startingParameters } from '../../scorer/train/initial.js'
import { train } from '../../scorer/train/train.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'
import { copyPretrained, editHeader, withLength } from '../fixtures/scorer/pretrained-copy.js'
import {
  countedLogits,
  logitsOf,
  REFERENCE_CONFIG,
  REFERENCE_DIR,
  readAll,
  referenceRun,
  relativeError,
  toBatch,
} from '../fixtures/scorer/reference.js'

const TOLERANCE = 1e-4

const reference = await readAll(join(REFERENCE_DIR, 'reference.safetensors'))
const stored = await readAll(join(REFERENCE_DIR, 'float32', 'model.safetensors'))
const { steps, ignored } = referenceRun()
const batch = toBatch(steps[0]!, ignored)
const time = batch.tokens.shape[1]!

/** The reference's own token embedding as the type holds it: startingParameters leaves it out. */
async function tokenEmbedding(type: string): Promise<Float32Array> {
  const tensors = await readAll(join(REFERENCE_DIR, type, 'model.safetensors'))
  return tensors.get(TOKEN_EMBEDDING)!
}

for (const [directory, type] of [
  ['float32', 'float32'],
  ['bfloat16', 'bfloat16'],
  ['float16', 'float16'],
  ['sharded', 'float32'],
  ['headless', 'float32'],
] as const) {
  t.test(`the blocks of the checkpoint ${directory} compute what the reference does`, async t => {
    const init = join(REFERENCE_DIR, directory)
    const config = await modelConfig({ init }, REFERENCE_CONFIG.vocabularySize)
    t.same(config, REFERENCE_CONFIG)
    const parameters = await startingParameters(config, init, new Random(1))
    parameters.set(await tokenEmbedding(type))
    const given = countedLogits(await logitsOf(config, parameters, batch.tokens), batch, time)
    const expected = countedLogits(reference.get(`logits.${type}`)!, batch, time + 1)
    const error = relativeError(given, expected)
    t.ok(error <= TOLERANCE, `relative error ${error}`)
  })
}

t.test('types are told apart by what they round away', async t => {
  const error = relativeError(reference.get('logits.bfloat16')!, reference.get('logits.float32')!)
  t.ok(error > 10 * TOLERANCE, `bfloat16 differs from float32 by ${error}`)
})

t.test('the token embedding is new and of the size of the vocabulary; positions stay', async t => {
  const init = join(REFERENCE_DIR, 'bfloat16')
  const config = await modelConfig({ init }, 9)
  const [first, again, other] = await Promise.all(
    [1, 1, 2].map(seed => startingParameters(config, init, new Random(seed))),
  )
  t.same(first, again, 'one seed gives one start')
  const size = 9 * REFERENCE_CONFIG.hiddenSize
  const embedding = first!.subarray(0, size)
  const deviation = Math.sqrt(embedding.reduce((sum, x) => sum + x * x, 0) / size)
  t.ok(deviation > 0.015 && deviation < 0.025, `deviation ${deviation}`)
  t.notSame(embedding, other!.subarray(0, size))
  t.same(first!.subarray(size), other!.subarray(size), 'the seed changes nothing else')
  const positions = stored.get('transformer.wpe.weight')!
  t.ok(relativeError(first!.subarray(size, size + positions.length), positions) < 0.01)
})

t.test('float16 numbers of every kind', async t => {
  const numbers: [bits: number, value: number][] = [
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3c00, 1],
    [0xc100, -2.5],
    [0x3555, 0.333251953125],
    [0x7bff, 65504],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
  ]
  const widened = new Float32Array(numbers.length)
  widenFloat16(
    Uint16Array.from(numbers, ([bits]) => bits),
    widened,
  )
  t.same(
    [...widened],
    numbers.map(([, value]) => value),
  )
  t.ok(Object.is(widened[1], -0))
})

t.test('tensors larger than what is read at a time come whole', async t => {
  const size = 2_500_001
  const file = join(t.testdir(), 'large.safetensors')
  // The upper halves of the float32 numbers are them as bfloat16: all of these are small integers.
  const values = Float32Array.from({ length: size }, (_, i) => i % 251)
  const halves = Uint16Array.from(new Uint32Array(values.buffer), word => word >>> 16)
  const header = JSON.stringify({
    full: { dtype: 'F32', shape: [size], data_offsets: [0, 4 * size] },
    half: { dtype: 'BF16', shape: [size], data_offsets: [4 * size, 6 * size] },
  })
  await writeFile(
    file,
    Buffer.concat([withLength(header), Buffer.from(values.buffer), Buffer.from(halves.buffer)]),
  )
  for (const [name, given] of await readAll(file)) {
    t.equal(Buffer.compare(Buffer.from(given.buffer), Buffer.from(values.buffer)), 0, name)
  }
})

t.test('masks that older checkpoints hold among their tensors are passed over', async t => {
  const init = await copyPretrained(t.testdir())
  await editHeader(join(init, 'model.safetensors'), header => {
    header['transformer.h.0.attn.attention.bias'] = {
      dtype: 'U8',
      shape: [1, 1, 24, 24],
      data_offsets: [0, 576],
    }
  })
  const parameters = await startingParameters(REFERENCE_CONFIG, init, new Random(1))
  t.equal(parameters.length, parameterLayout(REFERENCE_CONFIG).size)
})

t.test('training starts at the checkpoint and says in its record what that was', async t => {
  const init = join(REFERENCE_DIR, 'sharded')
  // Steps of length 0 leave the start as it is.
  const still = { init, epochs: 1, folds: 1, learningRate: 0 }
  const { config, parameters, training } = await train(grammarSessions(1, 25), still)
  t.equal(config.numLayers, 4)
  for (const { name, offset, size } of parameterLayout(config).slices) {
    if (name !== TOKEN_EMBEDDING) t.same(parameters.subarray(offset, offset + size), stored.get(name)!, name)
  }
  t.equal(training.startedFrom!.name, 'sharded')
  t.same(training.startedFrom!.dtypes, ['F32'])
  t.same(
    training.startedFrom!.files.map(({ name, bytes }) => [name, bytes]),
    [
      ['model-00001-of-00003.safetensors', 25120],
      ['model-00002-of-00003.safetensors', 25664],
      ['model-00003-of-00003.safetensors', 11936],
    ],
  )
  for (const { sha256 } of training.startedFrom!.files) t.match(sha256, /^[0-9a-f]{64}$/)
  t.notOk(JSON.stringify(training).includes(REFERENCE_DIR), 'paths of this machine stay here')
  t.notOk('preset' in training.options)
})

t.test('a preset beside a checkpoint must be its shape', async t => {
  const init = t.testdir()
  const { slices, size } = parameterLayout(presetConfig('nano', 50))
  const header = slices.map(({ name, shape, offset, size }) => [
    name,
    { dtype: 'F32', shape, data_offsets: [4 * offset, 4 * (offset + size)] },
  ])
  await writeFile(
    join(init, 'model.safetensors'),
    Buffer.concat([withLength(JSON.stringify(Object.fromEntries(header))), Buffer.alloc(4 * size)]),
  )
  await writeFile(
    join(init, 'config.json'),
    JSON.stringify({
      model_type: 'gpt_neo',
      hidden_size: 64,
      num_layers: 2,
      num_heads: 4,
      max_position_embeddings: 128,
      window_size: 16,
      attention_types: [[['global', 'local'], 1]],
    }),
  )
  t.same(await modelConfig({ init, preset: 'nano' }, 8), presetConfig('nano', 8))
  await t.rejects(modelConfig({ init, preset: 'small' }, 8), {
    code: 'ERR_SCORER_OPTIONS',
    message: new RegExp(
      `small has hiddenSize 128, and the checkpoint in .*${basename(init)} has 64; leave the preset out`,
    ),
  })
})
