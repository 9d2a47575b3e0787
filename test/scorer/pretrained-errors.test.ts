import { rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { modelConfig } from '../../scorer/train/initial.js'
import { copyPretrained, editHeader, editJson, withLength } from '../fixtures/scorer/pretrained-copy.js'

const WEIGHTS = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'
const QUERY = 'transformer.h.2.attn.attention.q_proj.weight'
const GET_AGAIN = /get (it|the checkpoint) again/

async function refused(t: Test, init: string, ...messages: readonly RegExp[]): Promise<void> {
  for (const message of messages) {
    await t.rejects(modelConfig({ init }, 8), { code: 'ERR_SCORER_PRETRAINED', retriable: false, message })
  }
}

t.test('a directory without what is needed', async t => {
  const parent = t.testdir()
  await refused(t, join(parent, 'nowhere'), /nowhere.config\.json: ENOENT.*--init takes a local directory/)

  const empty = await copyPretrained(parent)
  await rm(join(empty, WEIGHTS))
  await refused(
    t,
    empty,
    /has neither model\.safetensors nor model\.safetensors\.index\.json; get the weights/,
  )

  await writeFile(join(empty, 'pytorch_model.bin'), '')
  await refused(t, empty, /pytorch_model\.bin only.*convert it once in Python: .*save_pretrained/)

  await writeFile(join(empty, 'config.json'), '{"model_type": ')
  await refused(t, empty, /cannot read .*config\.json/)
})

for (const [changes, message] of [
  [{ model_type: 'gpt2' }, /model_type: only GPT-Neo checkpoints .*start from a GPT-Neo such as/],
  [{ activation_function: 'relu' }, /activation_function: only .*gelu_new/],
  [{ attention_types: [[['global'], 4]] }, /attention_types: must alternate .* over the 4 layers/],
  [{ attention_types: [[['global', 'local'], 3]] }, /attention_types: must alternate/],
  [{ hidden_size: 'wide' }, /hidden_size: /],
  [{ num_heads: 3 }, /hidden_size 16 cannot be divided by num_heads 3/],
  [
    { max_position_embeddings: 25 },
    /wpe\.weight in .* has shape \(24, 16\), and config\.json makes it \(25, 16\)/,
  ],
  [
    { num_layers: 6, attention_types: [[['global', 'local'], 3]] },
    /lack transformer\.h\.4\.\S+ and 25 more; get the checkpoint again/,
  ],
] as const) {
  t.test(`a config.json with ${JSON.stringify(changes)}`, async t => {
    const init = await copyPretrained(t.testdir())
    await editJson(join(init, 'config.json'), changes)
    await refused(t, init, message)
  })
}

t.test('a tensor that is missing, of another type, or of another shape', async t => {
  const parent = t.testdir()
  for (const [change, message] of [
    [
      undefined,
      /the weights in .* lack transformer\.h\.2\.attn\.attention\.q_proj\.weight; get the checkpoint/,
    ],
    [{ dtype: 'F64', shape: [16, 8] }, /q_proj\.weight in .* has type F64, and F32, F16 and BF16 are read/],
    [{ shape: [8, 32] }, /q_proj\.weight in .* has shape \(8, 32\), and config\.json makes it \(16, 16\)/],
    [{ shape: [16, 17] }, /its header describes transformer\.h\.2\.attn\.attention\.q_proj\.weight wrongly/],
    [{ data_offsets: [-1024, 0] as const }, /its header describes .*q_proj\.weight wrongly/],
    [{ data_offsets: undefined }, /its header describes .*q_proj\.weight wrongly/],
  ] as const) {
    const init = await copyPretrained(parent)
    await editHeader(join(init, WEIGHTS), header => {
      header[QUERY] = change && ({ ...header[QUERY], ...change } as (typeof header)[string])
    })
    await refused(t, init, message)
  }
})

t.test('a file of weights that is damaged or cut short', async t => {
  const init = await copyPretrained(t.testdir())
  const file = join(init, WEIGHTS)
  const { size } = await stat(file)
  await truncate(file, size - 1)
  await refused(t, init, new RegExp(`it is cut short: ${size - 1} of ${size} bytes are there`), GET_AGAIN)
  for (const bytes of [100, 5, 0]) {
    await truncate(file, bytes)
    await refused(t, init, /model\.safetensors cannot be used: it is cut short/, GET_AGAIN)
  }
  for (const [content, message] of [
    ['version https://git-lfs.github.com/spec/v1\noid sha256:0', /it is no safetensors file/],
    [withLength('{"a":'), /its header is not JSON/],
    [withLength('null'), /its header is not a JSON object/],
  ] as const) {
    await writeFile(file, content)
    await refused(t, init, message, GET_AGAIN)
  }
})

t.test('shards that are not what their index says', async t => {
  const parent = t.testdir()
  const missing = await copyPretrained(parent, 'sharded')
  await rm(join(missing, 'model-00002-of-00003.safetensors'))
  await refused(t, missing, /cannot read .*model-00002-of-00003\.safetensors: .*get model-00002-of-00003/)

  const swapped = await copyPretrained(parent, 'sharded')
  const shard = (number: number) => join(swapped, `model-0000${number}-of-00003.safetensors`)
  await rename(shard(3), shard(2))
  await writeFile(shard(3), withLength('{}'))
  await refused(
    t,
    swapped,
    /model-0000\d-of-00003\.safetensors lacks transformer\.\S+, which .*index\.json says/,
  )

  const outside = await copyPretrained(parent, 'sharded')
  await editJson(join(outside, INDEX), { weight_map: { [QUERY]: '../model.safetensors' } })
  await refused(t, outside, /index\.json does not map tensors to files beside it/, GET_AGAIN)
})
