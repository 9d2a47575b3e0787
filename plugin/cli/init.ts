import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../errors.js'

/** Starter configs that ship, each a folder of `configs/`. */
export const STARTER_KINDS = ['fluent-bit', 'vector', 'kafka', 'files'] as const
export type StarterKind = (typeof STARTER_KINDS)[number]

export interface Started {
  /** Paths of the files written. */
  readonly files: readonly string[]
  /** What to do next, lines for the person who asked. */
  readonly nextSteps: string
}

/** What is started beside the stage. */
const PEERS: Readonly<Partial<Record<StarterKind, string>>> = {
  'fluent-bit': 'fluent-bit -c fluent-bit.yaml',
  vector: 'vector --config vector.yaml',
}

/** From the compiled file, `dist/plugin/cli/init.js`, to the folder of the package. */
const CONFIGS = fileURLToPath(new URL('../../../configs/', import.meta.url))
const SCHEMA_FILE = 'logneo.schema.json'

/**
 * `logneo init`: writes a commented config to start from, and the schema that lets an editor complete it.
 *
 * @param dir where to; made when missing
 * @throws ConfigError when there is no such starter, or a file of it exists already and differs: then nothing is written
 */
export async function init(dir: string, kind: string): Promise<Started> {
  const starter = starterOf(kind)
  const texts = await readStarter(starter)
  const wanted = await missingOf(dir, texts)
  await mkdir(dir, { recursive: true })
  const files: string[] = []
  for (const [name, text] of wanted) {
    const path = join(dir, name)
    await writeFile(path, text, { flag: 'wx' })
    files.push(path)
  }
  const config = join(dir, [...texts.keys()].find(name => name.endsWith('.logneo.yaml'))!)
  return { files, nextSteps: nextSteps(dir, config, starter) }
}

function starterOf(kind: string): StarterKind {
  const found = STARTER_KINDS.find(name => name === kind)
  if (found !== undefined) return found
  throw new ConfigError([`${kind} is no starter config: use one of ${STARTER_KINDS.join(', ')}`])
}

/** Files by name. The schema, which the folders share, comes along. */
async function readStarter(kind: StarterKind): Promise<ReadonlyMap<string, string>> {
  const folder = join(CONFIGS, kind)
  const texts = new Map<string, string>()
  for (const name of (await readdir(folder)).sort()) {
    const text = await readFile(join(folder, name), 'utf8')
    texts.set(name, text.replace(`$schema=../${SCHEMA_FILE}`, `$schema=./${SCHEMA_FILE}`))
  }
  return texts.set(SCHEMA_FILE, await readFile(join(CONFIGS, SCHEMA_FILE), 'utf8'))
}

/** The files that are not there yet as they should be. */
async function missingOf(
  dir: string,
  texts: ReadonlyMap<string, string>,
): Promise<readonly [string, string][]> {
  const missing: [string, string][] = []
  const inTheWay: string[] = []
  for (const [name, text] of texts) {
    const present = await readFile(join(dir, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw new ConfigError([`cannot write to ${dir} (${error.code}): name a folder that is or can be made`])
    })
    if (present === undefined) missing.push([name, text])
    else if (present !== text)
      inTheWay.push(`${join(dir, name)} exists already: move it away or name another folder`)
  }
  if (inTheWay.length > 0) throw new ConfigError(inTheWay)
  return missing
}

function nextSteps(dir: string, config: string, kind: StarterKind): string {
  const steps = [
    `logneo train --input app.log --session-regex 'req=(\\w+)' --out ${join(dir, 'model')}`,
    `logneo check --config ${config}`,
    `logneo run --config ${config}`,
    ...(PEERS[kind] === undefined ? [] : [`(cd ${dir} && ${PEERS[kind]})`]),
  ]
  return `Next, with your own log and pattern:\n${steps.map(step => `  $ ${step}\n`).join('')}`
}
