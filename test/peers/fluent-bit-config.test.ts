/*
 * The configs that we ship for Fluent Bit, on a real one: FLUENT_BIT=/path/to/fluent-bit npx tap run dist/test/peers/fluent-bit-config.test.js
 */
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { freePorts } from '../../benchmarks/services/free-ports.js'
import { jsonLines, newFolder, peerProgram, startPeer } from '../fixtures/peers/peer-program.js'
import { grammarLog, smallModel } from '../fixtures/plugin/small-model.js'
import { StageProcess } from '../fixtures/plugin/stage-process.js'

const { path, missing } = peerProgram('FLUENT_BIT')
const CONFIGS = fileURLToPath(new URL('../../../configs/fluent-bit/', import.meta.url))

interface FluentBitConfig {
  readonly pipeline: { readonly outputs: Record<string, unknown>[] }
}

/** A config with other ports, as tests run beside each other. */
async function configFile(name: string, ports: ReadonlyMap<string, number>): Promise<string> {
  const text = await readFile(join(CONFIGS, name), 'utf8')
  return text.replace(/\b(?:24224|24225|9464)\b/g, port => String(ports.get(port)))
}

t.test(
  'all records come back with verdicts, though logneo is killed on the way',
  { skip: missing },
  async t => {
    const folder = await newFolder(t)
    const [taking, back, metrics] = await freePorts(3)
    const ports = new Map([
      ['24224', taking!],
      ['24225', back!],
      ['9464', metrics!],
    ])
    const stageText = (await configFile('logneo.logneo.yaml', ports)).replace('./model', await smallModel())
    const config = parse(await configFile('fluent-bit.yaml', ports)) as FluentBitConfig
    const printed = config.pipeline.outputs.findIndex(({ name }) => name === 'stdout')
    const { match_regex } = config.pipeline.outputs[printed]!
    config.pipeline.outputs[printed] = {
      name: 'file',
      match_regex,
      path: '.',
      file: 'out.ndjson',
      format: 'plain',
    }
    const lines = grammarLog(11, 400)
    const half = lines.length >> 1
    const text = (part: readonly string[]): string => part.map(line => `${line}\n`).join('')
    await writeFile(join(folder, 'app.log'), text(lines.slice(0, half)))
    const first = StageProcess.start(t, stageText)
    await first.says(/taking Forward chunks/)
    await startPeer(t, path!, file => ['-c', file], folder, config)
    await jsonLines(join(folder, 'out.ndjson'), half)
    await first.end('SIGKILL')
    await appendFile(join(folder, 'app.log'), text(lines.slice(half)))
    const second = StageProcess.start(t, stageText)
    const records = await jsonLines(join(folder, 'out.ndjson'), lines.length)
    const told = records.filter(({ message }) => message !== undefined)
    t.strictSame(new Set(told.map(({ message }) => message)), new Set(lines), 'nothing is lost')
    t.ok(told.every(({ logneo }) => (logneo as { status: string }).status === 'scored'))
    t.equal(await second.end('SIGTERM'), 0, second.said)
  },
)
