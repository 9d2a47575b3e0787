import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** The repository; compiled tests lie two folders deeper than their sources. */
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')

/** For each folder, the folders it may import from beside itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  drain: [],
  scorer: [],
  sidecar: ['drain', 'scorer'],
  plugin: ['drain', 'scorer', 'sidecar'],
  benchmarks: ['drain', 'scorer', 'sidecar', 'plugin'],
  test: ['drain', 'scorer', 'sidecar', 'plugin', 'benchmarks'],
}

interface Import {
  /** Source file and what it imports, relative to the repository; packages by their name. */
  readonly from: string
  readonly to: string
}

/** What a source text imports: static, dynamic, re-exports, `require`, and workers started from a file. */
function importsIn(text: string): string[] {
  const statement =
    /(?:^|[^\w.])(?:(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?|import\s*\(\s*|require\s*\(\s*|createRequire\([^)]*\)\(\s*|new URL\(\s*)['"]([^'"]+)['"]/gm
  return [...text.matchAll(statement)].map(match => match[1]!)
}

async function sources(folder: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true }).catch(() => [])
  return entries.filter(name => name.endsWith('.ts')).map(name => join(folder, name))
}

async function allImports(): Promise<Import[]> {
  const files = (await Promise.all(Object.keys(MAY_IMPORT).map(sources))).flat()
  const lists = await Promise.all(
    files.map(async from =>
      importsIn(await readFile(join(ROOT, from), 'utf8')).map(to => ({
        from,
        to: to.startsWith('.')
          ? relative(ROOT, resolve(ROOT, dirname(from), to)).replace(/\.js$/, '.ts')
          : to,
      })),
    ),
  )
  return lists.flat()
}

const folderOf = (path: string): string => path.split('/')[0]!
const isOwn = (path: string): boolean => Object.hasOwn(MAY_IMPORT, folderOf(path))
const show = ({ from, to }: Import): string => `${from} imports ${to}`

const imports = await allImports()
const own = imports.filter(({ from, to }) => isOwn(to) && from !== to)

t.test('all ways to import are seen', async t => {
  const text = `import a, {
  type b,
} from './one.js'
import './two.js'
export * from './three.js'
export type { c } from './four.js'
const d = await import('./five.js')
const e = createRequire(import.meta.url)('six')
new Worker(new URL('./seven.js', import.meta.url))
const important = 'from'; reimport ('nothing')`
  t.same(importsIn(text), [
    './one.js',
    './two.js',
    './three.js',
    './four.js',
    './five.js',
    'six',
    './seven.js',
  ])
  t.ok(imports.length > 200, 'the sources were found')
})

t.test('folders import only from those before them', async t => {
  const wrong = own.filter(
    ({ from, to }) => folderOf(from) !== folderOf(to) && !MAY_IMPORT[folderOf(from)]!.includes(folderOf(to)),
  )
  t.same(wrong.map(show), [])
})

t.test('nothing on the scoring path imports training', async t => {
  const wrong = own.filter(
    ({ from, to }) =>
      to.startsWith('scorer/train/') &&
      ['scorer', 'sidecar', 'drain'].includes(folderOf(from)) &&
      !from.startsWith('scorer/train/') &&
      from !== 'scorer/index.ts',
  )
  t.same(wrong.map(show), [])
})

/** Files that a file needs, directly or not. */
function reachable(start: string): Set<string> {
  const found = new Set([start])
  for (const file of found) for (const { from, to } of own) if (from === file) found.add(to)
  return found
}

t.test('a stage runs without the code of training', async t => {
  const needed = [...reachable('plugin/stage.ts')]
  t.ok(needed.includes('scorer/scorer.ts'))
  t.same(
    needed.filter(file => file.startsWith('scorer/train/') || file.startsWith('plugin/cli/')),
    [],
  )
})

t.test('inside a folder nobody imports its index', async t => {
  const wrong = own.filter(
    ({ from, to }) => to === `${folderOf(to)}/index.ts` && folderOf(from) === folderOf(to),
  )
  t.same(wrong.map(show), [])
})

t.test('one file knows ONNX Runtime', async t => {
  const users = new Set(imports.filter(({ to }) => to.startsWith('onnxruntime')).map(({ from }) => from))
  t.same(
    [...users].filter(from => folderOf(from) !== 'benchmarks'),
    ['scorer/runtime.ts'],
  )
})
