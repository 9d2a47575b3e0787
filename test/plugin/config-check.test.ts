import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { check } from '../../plugin/cli/check.js'
import type { LineRules } from '../../plugin/line-rules.js'
import { writeBundle } from '../../scorer/bundle.js'
import { presetConfig } from '../../scorer/model/config.js'
import { parameterLayout } from '../../scorer/model/parameters.js'
import { Transitions } from '../../scorer/transitions.js'
import { Vocabulary } from '../../scorer/vocabulary.js'
import { noComposition, validationOf } from '../fixtures/scorer/validation.js'

const RULES: LineRules = {
  format: 'raw',
  session: { kind: 'regex', pattern: 'id=(\\w+)' },
  idleTimeoutSeconds: 60,
}

const NOT_TRAINED = {
  options: {},
  numSessions: 1,
  numEvents: 1,
  numValidationSessions: 1,
  numSteps: 1,
  numPlannedSteps: 1,
  epochs: [],
  seconds: 0,
}

/** Writes a bundle that no one trained. */
async function writeModel(path: string, rules: LineRules | null): Promise<string> {
  const vocabulary = new Vocabulary(['a', 'b'])
  const config = presetConfig('nano', vocabulary.keys.length + 4)
  const model = {
    config,
    parameters: new Float32Array(parameterLayout(config).size),
    vocabulary,
    validation: validationOf({ 'next-key': [0.5, 1, 3, 9] }),
    composition: noComposition(config.vocabularySize),
    transitions: new Transitions(config.vocabularySize),
    unknownSurprise: 9,
    training: { ...NOT_TRAINED, numTrimmed: 0, foldEpochs: [] },
  }
  return writeBundle(path, model, { files: {}, preprocessing: rules })
}

interface Outcome {
  readonly code: number
  readonly printed: string
  readonly complaints: readonly string[]
}

/** Checks a config file with this text, in a folder of its own; the file's path is left out of what is said. */
async function checked(folder: string, text: string): Promise<Outcome> {
  const path = join(folder, 'a.logneo.yaml')
  await writeFile(path, text)
  let printed = ''
  const complaints: string[] = []
  const code = await check(path, {
    environment: {},
    print: text => {
      printed += text
    },
    complain: text => complaints.push(text.replaceAll(folder, '.')),
  })
  return { code, printed: printed.replaceAll(folder, '.'), complaints }
}

async function listener(t: Test): Promise<AddressInfo> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return server.address() as AddressInfo
}

t.test('a config that would run is summarised', async t => {
  const folder = t.testdir({ 'app.log': 'x\n' })
  const id = await writeModel(join(folder, 'model'), RULES)
  const { port } = await listener(t)
  const { code, printed, complaints } = await checked(
    folder,
    `model: {path: model}
input: {forward: {port: ${port}}}
session: {window: {seconds: 60, step: 30, by: {field: node}}}
output: {ndjson: {path: out.ndjson}, forward: {port: 5}}
dead_letter: {path: new/deep/letters}
metrics: {port: 0}
`,
  )
  t.equal(
    printed,
    `./a.logneo.yaml is correct. It would run:
  model        ${id}, 2 templates (./model), on cpu in float32
  lines        format raw
  sessions     windows of 60 s every 30 s, each by the field node (not as in the model)
  detection    next-key, unseen-key, session-end, key-set, count-order, count-vector, parameter; 2 % of normal sessions flagged
  input        forward on 127.0.0.1:${port}
  output       forward to 127.0.0.1:5, acknowledged
  output       JSON lines to ./out.ndjson
  tags         scored.*, summaries of sessions logneo.session
  dead letters ./new/deep/letters
  metrics      http://127.0.0.1:0/metrics
  log          info
`,
  )
  t.strictSame(complaints, [
    `./a.logneo.yaml: note: input.forward: port ${port} is in use now, by logneo itself if it runs already`,
  ])
  t.equal(code, 0)
})

t.test('problems of the file are all listed', async t => {
  const { code, printed, complaints } = await checked(
    t.testdir(),
    'model: {path: m}\ninput: {}\noutput: {x: 1}\n',
  )
  t.strictSame(complaints, [
    './a.logneo.yaml: input is empty: give it at least one of forward, http, files, stdin, kafka (line 2)',
    './a.logneo.yaml: output.x is unknown: use one of forward, elasticsearch, ndjson, kafka, route, tag_prefix (line 3)',
    './a.logneo.yaml: output is empty: give it at least one of forward, elasticsearch, ndjson, kafka (line 3)',
  ])
  t.strictSame([code, printed], [2, ''])
})

t.test('so are those of the machine', async t => {
  const folder = t.testdir({ file: '' })
  const { code, complaints } = await checked(
    folder,
    `model: {path: none, learn: {enabled: false}}
input: {files: {paths: [none.log, ., file], tag: raw.a}, forward: {path: no/such.sock}}
output: {ndjson: {path: none/out.ndjson}}
dead_letter: {path: file/letters}
metrics: {host: 192.0.2.1}
`,
  )
  const [model, ...others] = complaints
  t.match(model, /^\.\/a\.logneo\.yaml: model\.path: .*\.\/none.*/)
  t.strictSame(others, [
    './a.logneo.yaml: input.files.paths: ./none.log cannot be read (ENOENT): mend the path or its permissions',
    './a.logneo.yaml: input.files.paths: . is a folder: name the files in it',
    './a.logneo.yaml: input.forward.path: the folder ./no cannot be written to (ENOENT): create it or mend its permissions',
    './a.logneo.yaml: output.ndjson.path: the folder ./none cannot be written to (ENOENT): create it or mend its permissions',
    './a.logneo.yaml: dead_letter.path: ./file is no folder: mend the path',
    './a.logneo.yaml: metrics cannot listen on 192.0.2.1:9464 (EADDRNOTAVAIL): this machine has no such address',
  ])
  t.equal(code, 2)
})

t.test('a model that cannot read lines, or is damaged, is refused', async t => {
  const folder = t.testdir()
  const config = 'model: {path: model}\ninput: {stdin: {tag: raw.a}}\noutput: {ndjson: {path: "-"}}\n'
  await writeModel(join(folder, 'model'), null)
  const sequences = await checked(folder, config)
  t.strictSame(sequences.complaints, [
    './a.logneo.yaml: model.path: the model at ./model was not trained on raw lines: train one with logneo train --input FILE',
  ])
  await writeFile(join(folder, 'model', 'weights.safetensors'), 'x')
  const damaged = await checked(folder, config)
  t.match(damaged.complaints, [/model\.path: .*(damaged|checksum|size)/])
  t.strictSame([sequences.code, damaged.code], [2, 2])
})

t.test('an output file that is a folder is refused, one that is there is not', async t => {
  const folder = t.testdir({ 'out.ndjson': '' })
  await mkdir(join(folder, 'dir'))
  await writeModel(join(folder, 'model'), RULES)
  const config = (path: string) =>
    `model: {path: model}\ninput: {stdin: {tag: raw.a}}\noutput: {ndjson: {path: ${path}}}\n`
  t.strictSame((await checked(folder, config('dir'))).complaints, [
    './a.logneo.yaml: output.ndjson.path: ./dir is a folder: name a file in it',
  ])
  t.equal((await checked(folder, config('out.ndjson'))).code, 0)
})

t.test('a config file that is missing is one sentence', async t => {
  const complaints: string[] = []
  t.equal(await check('/no/such.yaml', { complain: text => complaints.push(text) }), 2)
  t.strictSame(complaints, [
    '/no/such.yaml: cannot read /no/such.yaml (ENOENT): logneo init writes a config to start from',
  ])
})

t.test('a model that is yet to be learnt is a note, as the path may be wrong', async t => {
  const text =
    'model: {path: none}\ninput: {stdin: {tag: raw.a}}\nsession: {field: id}\noutput: {ndjson: {path: "-"}}\n'
  const { code, printed, complaints } = await checked(t.testdir(), text)
  t.equal(code, 0)
  t.match(printed, /model +none at \.\/none: it would learn one from the stream/)
  t.strictSame(complaints, [
    './a.logneo.yaml: note: there is no model at ./none: is the path right? Else one is learnt from the stream',
  ])
})
