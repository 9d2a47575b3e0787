import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readModel, writeModel } from '../../../plugin/model.js'
import { sha256 } from '../../../scorer/bundle-directory.js'
import type { Manifest } from '../../../scorer/bundle-manifest.js'
import { BundleError } from '../../../scorer/errors.js'
import { parameterLayout } from '../../../scorer/model/parameters.js'
import { readMetadata, readSafetensors, writeSafetensors } from '../../../scorer/safetensors.js'
import { tinyLineModel, tinyModel } from '../../fixtures/scorer/tiny-bundle.js'
import { randomParameters, TINY } from '../../fixtures/scorer/tiny-model.js'
import { endOf, endOfAsync, expect, type FuzzTarget } from '../target.js'
import { JSON_WORDS } from './http.js'

const WORDS = [
  ...JSON_WORDS,
  ...['"dtype"', '"shape"', '"data_offsets"', '[0,4]', '9007199254740991', '4294967296', '"F32"', '"BF16"'],
]

/** Weights in the format of safetensors. */
export function safetensors(): FuzzTarget {
  const layout = parameterLayout(TINY)
  return {
    seeds: [Buffer.concat(writeSafetensors(layout, [randomParameters(TINY, 1)], { a: 'b' }))],
    words: WORDS,
    run: input =>
      endOf(() => {
        readMetadata(input)
        expect(readSafetensors(input, layout).length === layout.size, 'each parameter has a value')
        return 'weights'
      }, BundleError),
  }
}

/** Files of the bundle in the order of the byte that chooses one. */
const FILES = [
  'manifest.json',
  'drain.json',
  'habits.json',
  'composition.json',
  'validation.json',
  'weights.safetensors',
]

/** A bundle with one file changed, after a byte that chooses it; the digests are those of the changed file. */
export async function bundle(): Promise<FuzzTarget> {
  const folder = mkdtempSync(join(tmpdir(), 'logneo-fuzz-'))
  const path = join(folder, 'model')
  await writeModel(path, tinyModel(), tinyLineModel())
  const originals = FILES.map(name => readFileSync(join(path, name)))
  const manifest = JSON.parse(String(originals[0])) as Manifest
  return {
    seeds: originals.map((file, i) => Buffer.concat([Buffer.from([i]), file])),
    words: [...WORDS, '"version":3', '"__proto__":{}', '"../x"', '"bytes":0', '"vocabularySize":2147483648'],
    async run(input) {
      const choice = (input[0] ?? 0) % FILES.length
      const name = FILES[choice]!
      const contents = input.subarray(1)
      writeFileSync(join(path, name), contents)
      if (choice !== 0) {
        const files = { ...manifest.files, [name]: { sha256: sha256(contents), bytes: contents.length } }
        writeFileSync(join(path, FILES[0]!), JSON.stringify({ ...manifest, files }))
      }
      const end = await endOfAsync(async () => (await readModel(path)) && 'model', BundleError)
      writeFileSync(join(path, name), originals[choice]!)
      return `${name} ${end}`
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}
