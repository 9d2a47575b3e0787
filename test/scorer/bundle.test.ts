import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type BundleExtras, readBundle, writeBundle } from '../../scorer/bundle.js'
import { BundleError } from '../../scorer/errors.js'
import { parameterLayout } from '../../scorer/model/parameters.js'
import { readSafetensors, writeSafetensors } from '../../scorer/safetensors.js'
import { Transitions } from '../../scorer/transitions.js'
import { TINY_KEYS, tinyModel } from '../fixtures/scorer/tiny-bundle.js'
import { randomParameters, TINY } from '../fixtures/scorer/tiny-model.js'
import { validationOf } from '../fixtures/scorer/validation.js'

const EXTRAS: BundleExtras = {
  files: { 'drain.json': Buffer.from('{"clusters":[]}') },
  preprocessing: { format: 'raw' },
}

const FILES = [
  'composition.json',
  'drain.json',
  'manifest.json',
  'sequence.onnx',
  'step.onnx',
  'transitions.json',
  'validation.json',
  'weights.safetensors',
]

/** The error is of the class that callers act on, and one sentence that says what to do. */
async function refuses(t: Test, path: string, pattern: RegExp, what: string): Promise<void> {
  const error = await readBundle(path).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(error instanceof BundleError)) {
    t.fail(`${what}: ${String(error)}`)
    return
  }
  t.match(error, { code: 'ERR_SCORER_BUNDLE', retriable: false, name: 'BundleError' })
  t.match(error.message, pattern, what)
  t.notMatch(error.message, /\n/, 'one line')
  t.match(error.message, /train|copy it again|update/, 'says what to do')
}

t.test('what is written is read back', async t => {
  const path = join(t.testdir(), 'model')
  const model = tinyModel()
  const id = await writeBundle(path, model, EXTRAS)
  const bundle = await readBundle(path)
  t.equal(bundle.id, id)
  t.same(bundle.parameters, model.parameters)
  t.same(bundle.config, model.config)
  t.same(bundle.vocabulary.keys, TINY_KEYS)
  t.equal(bundle.vocabulary.id('__proto__'), model.vocabulary.id('__proto__'))
  t.same(bundle.validation, model.validation)
  t.same(bundle.composition.toTable(), model.composition.toTable())
  t.same(bundle.transitions.toTable(), model.transitions.toTable())
  t.equal(bundle.unknownSurprise, 6.5)
  t.same(bundle.extras.preprocessing, EXTRAS.preprocessing)
  t.same(Object.keys(bundle.extras.files), ['drain.json'])
  t.same((await readdir(path)).sort(), FILES)
})

t.test('the id follows the contents', async t => {
  const dir = t.testdir()
  const first = await writeBundle(join(dir, 'a'), tinyModel(1), EXTRAS)
  t.equal(await writeBundle(join(dir, 'b'), tinyModel(1), EXTRAS), first)
  t.not(await writeBundle(join(dir, 'c'), tinyModel(2), EXTRAS), first)
  t.not(
    await writeBundle(
      join(dir, 'd'),
      { ...tinyModel(1), validation: validationOf({ 'next-key': [1] }) },
      EXTRAS,
    ),
    first,
  )
})

t.test('documents are listed with their digest, know the id, and count for nothing', async t => {
  const path = join(t.testdir(), 'model')
  const plain = await writeBundle(path, tinyModel(), EXTRAS)
  const documents = (id: string) => ({ 'read-me.html': Buffer.from(`<p>${id}`) })
  const id = await writeBundle(path, tinyModel(), { ...EXTRAS, documents })
  t.equal(id, plain)
  const text = await readFile(join(path, 'read-me.html'))
  t.equal(text.toString(), `<p>${id}`)
  const { files } = JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8'))
  t.match(files['read-me.html'], {
    sha256: createHash('sha256').update(text).digest('hex'),
    bytes: text.length,
    isDocument: true,
  })
  t.same(Object.keys((await readBundle(path)).extras.files), ['drain.json'])
  await rm(join(path, 'read-me.html'))
  t.equal((await readBundle(path)).id, id)
})

t.test('every file cut short, changed by one bit or missing is noticed', async t => {
  const path = join(t.testdir(), 'model')
  const damage: Record<string, (file: string, bytes: Buffer) => Promise<void>> = {
    cut: (file, bytes) => truncate(file, bytes.length - 1),
    emptied: file => truncate(file, 0),
    changed: (file, bytes) => {
      bytes[bytes.length >> 1]! ^= 1
      return writeFile(file, bytes)
    },
    grown: (file, bytes) => writeFile(file, Buffer.concat([bytes, Buffer.from('x')])),
    missing: file => rm(file),
  }
  for (const name of FILES) {
    for (const [kind, harm] of Object.entries(damage)) {
      // A changed letter of the manifest's prose is no damage; those that matter are tried below.
      if (name === 'manifest.json' && kind === 'changed') continue
      await rm(path, { recursive: true, force: true })
      await writeBundle(path, tinyModel(), EXTRAS)
      const file = join(path, name)
      await harm(file, await readFile(file))
      if (name === 'manifest.json' && kind === 'cut') {
        await t.resolves(readBundle(path), 'only the line end is gone')
        continue
      }
      const pattern = name === 'manifest.json' ? /manifest/ : new RegExp(name.replace('.', '\\.'))
      await refuses(t, path, pattern, `${name} ${kind}`)
    }
  }
})

t.test('counts of another vocabulary are refused', async t => {
  const path = join(t.testdir(), 'model')
  const transitions = Transitions.of([{ tokens: Int32Array.of(4, 900), ended: true }], 1000)
  await writeBundle(path, { ...tinyModel(), transitions }, EXTRAS)
  await refuses(t, path, /vocabulary and transitions disagree/, 'a token beyond the vocabulary')
})

async function rewriteManifest(
  path: string,
  change: (manifest: Record<string, unknown>) => unknown,
): Promise<void> {
  const file = join(path, 'manifest.json')
  const manifest = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
  await writeFile(file, JSON.stringify(change(manifest)))
}

t.test('manifests that say something wrong are refused', async t => {
  const path = join(t.testdir(), 'model')
  const cases: [what: string, pattern: RegExp, change: (m: Record<string, unknown>) => unknown][] = [
    ['newer version', /format version 6.*reads up to 5; update/, m => ({ ...m, version: 6 })],
    ['older version', /format version 1.*train again/, m => ({ ...m, version: 1 })],
    ['other format', /format/, m => ({ ...m, format: 'something' })],
    ['null', /damaged/, () => null],
    ['a list', /damaged/, () => []],
    ['a text', /damaged/, () => 'x'],
    ['no model', /manifest\.model/, m => ({ ...m, model: undefined })],
    [
      'a huge model',
      /manifest\.model\.hiddenSize/,
      m => ({ ...m, model: { ...(m.model as object), hiddenSize: 1e12 } }),
    ],
    ['other vocabulary', /vocabulary and model disagree/, m => ({ ...m, vocabulary: ['a'] })],
    ['keys that are no texts', /vocabulary/, m => ({ ...m, vocabulary: TINY_KEYS.map(() => 1) })],
    [
      'a file outside',
      /files/,
      m => ({ ...m, files: { ...(m.files as object), '../outside': { sha256: '', bytes: 0 } } }),
    ],
    [
      'no weights',
      /not listed/,
      m => ({ ...m, files: { 'drain.json': (m.files as Record<string, unknown>)['drain.json'] } }),
    ],
    ['another shape', /wte|float32/, m => ({ ...m, model: { ...(m.model as object), hiddenSize: 16 } })],
  ]
  for (const [what, pattern, change] of cases) {
    await rm(path, { recursive: true, force: true })
    await writeBundle(path, tinyModel(), EXTRAS)
    await rewriteManifest(path, change)
    await refuses(t, path, pattern, what)
  }
})

t.test('a manifest with __proto__ keys pollutes nothing', async t => {
  const path = join(t.testdir(), 'model')
  await writeBundle(path, tinyModel(), EXTRAS)
  const file = join(path, 'manifest.json')
  const text = await readFile(file, 'utf8')
  const evil = '"__proto__": {"polluted": true}'
  await writeFile(file, text.replace('{', `{${evil},`).replace('"files": {', `"files": {${evil},`))
  await readBundle(path).catch((error: unknown) => t.ok(error instanceof BundleError, String(error)))
  t.equal(({} as { polluted?: boolean }).polluted, undefined)
})

t.test('where there is no bundle, the message says how to make one', async t => {
  const dir = t.testdir({ file: 'x' })
  await refuses(t, join(dir, 'nothing'), /no model bundle at .*nothing.*logneo train/, 'nothing there')
  await refuses(t, join(dir, 'file'), /no model bundle/, 'a file')
})

t.test('a directory of something else is left alone', async t => {
  const dir = t.testdir({ photos: { 'cat.jpg': 'miau' }, file: 'x', empty: {} })
  for (const name of ['photos', 'file']) {
    await t.rejects(writeBundle(join(dir, name), tinyModel(), EXTRAS), {
      code: 'ERR_SCORER_BUNDLE',
      message: /choose another --out/,
    })
  }
  t.same(await readdir(join(dir, 'photos')), ['cat.jpg'])
  t.same((await readdir(dir)).sort(), ['empty', 'file', 'photos'])
  await writeBundle(join(dir, 'empty'), tinyModel(), EXTRAS)
  await t.resolves(readBundle(join(dir, 'empty')))
})

t.test('a new bundle takes the place of the old one, and nothing is left over', async t => {
  const dir = t.testdir()
  const path = join(dir, 'model')
  await writeBundle(path, tinyModel(1), { files: { 'old.json': Buffer.from('1') }, preprocessing: null })
  const id = await writeBundle(path, tinyModel(2), EXTRAS)
  t.equal((await readBundle(path)).id, id)
  t.same((await readdir(path)).sort(), FILES)
  t.same(await readdir(dir), ['model'])
})

t.test('a bundle may be written below directories that do not exist yet', async t => {
  const path = join(t.testdir(), 'deep', 'down')
  await writeBundle(path, tinyModel(), EXTRAS)
  await t.resolves(readBundle(path))
})

t.test('a write that was cut short leaves the old bundle whole', async t => {
  const dir = t.testdir()
  const path = join(dir, 'model')
  const id = await writeBundle(path, tinyModel(1), EXTRAS)
  // A file name that cannot be written makes the attempt fail half-way.
  const broken = { files: { 'no/such/place': Buffer.from('1') }, preprocessing: null }
  await t.rejects(writeBundle(path, tinyModel(2), broken), {
    code: 'ERR_SCORER_BUNDLE',
    message: /cannot write/,
  })
  t.same(await readdir(dir), ['model'])
  t.equal((await readBundle(path)).id, id)
  await mkdir(`${path}.new-${process.pid}`, { recursive: true })
  await writeFile(join(`${path}.new-${process.pid}`, 'left-over'), 'x')
  await writeBundle(path, tinyModel(2), EXTRAS)
  t.same((await readdir(path)).sort(), FILES, 'what an earlier attempt left is not taken over')
})

const layout = parameterLayout(TINY)

function weightsFile(change: (header: Record<string, Record<string, unknown>>) => unknown): Buffer {
  const file = Buffer.concat(writeSafetensors(layout, [randomParameters(TINY, 1)]))
  const length = Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString('utf8', 8, 8 + length)) as Record<string, Record<string, unknown>>
  const text = Buffer.from(JSON.stringify(change(header)))
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([size, text, file.subarray(8 + length)])
}

t.test('weights with a hostile header are refused', async t => {
  const name = 'transformer.wte.weight'
  const withEntry = (entry: object) =>
    weightsFile(header => ({ ...header, [name]: { ...header[name], ...entry } }))
  const total = 4 * layout.size
  const size = 4 * TINY.vocabularySize * TINY.hiddenSize
  const huge = Buffer.alloc(16)
  huge.writeBigUInt64LE(2n ** 63n)
  const cases: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    'shorter than its length': Buffer.alloc(7),
    'a huge length': huge,
    'a length past the end': Buffer.from([200, 0, 0, 0, 0, 0, 0, 0, 123]),
    'no JSON': Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7b]),
    null: weightsFile(() => null),
    'a list': weightsFile(() => [1, 2]),
    'no such tensor': weightsFile(({ [name]: _, ...others }) => others),
    'an entry that is null': weightsFile(header => ({ ...header, [name]: null })),
    'another type': withEntry({ dtype: 'F16' }),
    'another shape': withEntry({ shape: [TINY.hiddenSize, TINY.vocabularySize] }),
    'a shape that is a text': withEntry({ shape: '11,8' }),
    'negative offsets': withEntry({ data_offsets: [-size, 0] }),
    'offsets past the end': withEntry({ data_offsets: [total, total + size] }),
    'fractions as offsets': withEntry({ data_offsets: [0.5, size + 0.5] }),
    'offsets the wrong way round': withEntry({ data_offsets: [size, 0] }),
    'too few bytes': withEntry({ data_offsets: [0, size - 4] }),
  }
  for (const [what, file] of Object.entries(cases)) {
    t.throws(
      () => readSafetensors(file, layout),
      { code: 'ERR_SCORER_BUNDLE', message: /train the model again$/ },
      what,
    )
  }
})

t.test('weights are found by name, wherever they are in the file', async t => {
  const parameters = randomParameters(TINY, 1)
  const reversed = weightsFile(header => ({
    __metadata__: { format: 'pt' },
    ...Object.fromEntries(Object.entries(header).reverse()),
    extra: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
  }))
  t.same(readSafetensors(reversed, layout), parameters)
})

t.test('the checksums in the manifest are those of the files', async t => {
  const path = join(t.testdir(), 'model')
  await writeBundle(path, tinyModel(), EXTRAS)
  const { files } = JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8')) as {
    files: Record<string, { sha256: string; bytes: number }>
  }
  t.same(
    Object.keys(files).sort(),
    FILES.filter(name => name !== 'manifest.json'),
  )
  for (const [name, { sha256, bytes }] of Object.entries(files)) {
    const contents = await readFile(join(path, name))
    t.equal(contents.length, bytes)
    t.equal(createHash('sha256').update(contents).digest('hex'), sha256)
  }
})
