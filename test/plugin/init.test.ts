import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parseDocument } from 'yaml'
import { init, STARTER_KINDS } from '../../plugin/cli/init.js'
import { configJsonSchema, loadConfig } from '../../plugin/config.js'
import { ConfigError } from '../../plugin/errors.js'

/** Tests run compiled, from dist/test/plugin. */
const CONFIGS = fileURLToPath(new URL('../../../configs', import.meta.url))
const SCHEMA = join(CONFIGS, 'logneo.schema.json')

t.test('the schema that ships is the one of the code; UPDATE_SCHEMA=1 writes it', async t => {
  const current = configJsonSchema()
  if (process.env.UPDATE_SCHEMA !== undefined)
    await writeFile(SCHEMA, `${JSON.stringify(current, undefined, 2)}\n`)
  t.strictSame(JSON.parse(await readFile(SCHEMA, 'utf8')), current)
})

t.test('every config that ships is correct and names the schema', async t => {
  const files = (await readdir(CONFIGS, { recursive: true })).filter(name => name.endsWith('.logneo.yaml'))
  t.ok(files.length >= STARTER_KINDS.length)
  for (const name of files) {
    const path = join(CONFIGS, name)
    t.match((await loadConfig(path, {})).stage.model, /model$/, name)
    const [, schema] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(await readFile(path, 'utf8'))!
    t.equal(resolve(path, '..', schema!), SCHEMA)
  }
})

for (const kind of STARTER_KINDS) {
  t.test(`the starter ${kind} is complete, and written once`, async t => {
    const dir = join(t.testdir(), 'new', 'folder')
    const { files, nextSteps } = await init(dir, kind)
    t.strictSame(files.toSorted(), (await readdir(dir)).map(name => join(dir, name)).toSorted())
    const [config] = files.filter(path => path.endsWith('.logneo.yaml'))
    t.equal((await loadConfig(config!, {})).stage.model, join(dir, 'model'))
    t.match(await readFile(config!, 'utf8'), /^# yaml-language-server: \$schema=\.\/logneo\.schema\.json\n/)
    t.match(nextSteps, `$ logneo check --config ${config}\n`)
    t.strictSame((await init(dir, kind)).files, [], 'nothing to do when all is there')
  })
}

t.test('files of someone else are not overwritten, and nothing is written beside them', async t => {
  const dir = t.testdir({ 'fluent-bit.yaml': 'mine', 'logneo.logneo.yaml': 'mine' })
  await t.rejects(
    init(dir, 'fluent-bit'),
    new ConfigError([
      `${join(dir, 'fluent-bit.yaml')} exists already: move it away or name another folder`,
      `${join(dir, 'logneo.logneo.yaml')} exists already: move it away or name another folder`,
    ]),
  )
  t.strictSame(await readdir(dir), ['fluent-bit.yaml', 'logneo.logneo.yaml'])
  await t.rejects(init(join(dir, 'fluent-bit.yaml'), 'files'), { code: 'ERR_CONFIG', message: /ENOTDIR/ })
})

t.test('an unknown starter is an error that names those there are', async t => {
  const dir = t.testdir()
  await t.rejects(init(dir, '../files'), {
    code: 'ERR_CONFIG',
    message: '../files is no starter config: use one of fluent-bit, vector, kafka, files',
  })
  t.strictSame(await readdir(dir), [])
})

t.test('the two configs of the Vector starter fit together', async t => {
  const { input, output } = await loadConfig(join(CONFIGS, 'vector/vector.logneo.yaml'), {})
  const document = parseDocument(await readFile(join(CONFIGS, 'vector/vector.yaml'), 'utf8'))
  t.strictSame(document.errors, [])
  const { sources, sinks } = document.toJS() as Record<string, Record<string, Record<string, unknown>>>
  const { uri, acknowledgements } = sinks!.to_logneo!
  const { host, port, tagFromPath } = input.http!
  t.equal(uri, `http://${host}:${port}/raw.app`)
  t.ok(tagFromPath, 'the path names the tag')
  t.strictSame(acknowledgements, { enabled: true })
  t.equal(sources!.logneo!.address, `${output.forward!.host}:${output.forward!.port}`)
})

t.test('the two configs of the Fluent Bit starter fit together', async t => {
  const { input, output } = await loadConfig(join(CONFIGS, 'fluent-bit/logneo.logneo.yaml'), {})
  const document = parseDocument(await readFile(join(CONFIGS, 'fluent-bit/fluent-bit.yaml'), 'utf8'))
  t.strictSame(document.errors, [])
  const { pipeline } = document.toJS() as {
    pipeline: Record<'inputs' | 'outputs', Record<string, unknown>[]>
  }
  const sender = pipeline.outputs.find(({ name }) => name === 'forward')!
  const receiver = pipeline.inputs.find(({ name }) => name === 'forward')!
  const tail = pipeline.inputs.find(({ name }) => name === 'tail')!
  const end = pipeline.outputs.find(({ match_regex }) => match_regex !== undefined)!
  t.strictSame([sender.host, sender.port], [input.forward?.host, input.forward?.port])
  t.strictSame([receiver.listen, receiver.port], [output.forward?.host, output.forward?.port])
  t.strictSame([sender.match, sender.require_ack_response, sender.retry_limit], ['raw.*', true, 'no_limits'])
  t.match(tail, { tag: 'raw.app', key: 'message', 'storage.type': 'filesystem' })
  const comesBack = new RegExp(String(end.match_regex))
  t.match(`${output.tagPrefix}raw.app`, comesBack)
  t.match('logneo.session', comesBack)
  t.notMatch('raw.app', comesBack)
})
