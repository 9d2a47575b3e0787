import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { Drain, detectFormat } from '../../drain/index.js'

// Compiled tests run from dist/test/drain, the fixtures stay where they are written.
const folder = new URL('../../../test/fixtures/drain/', import.meta.url)

/** LOGNEO_GOLDEN=write writes the templates anew. */
t.test('templates, ids and tree of a small log stay what they are', async t => {
  const lines = readFileSync(new URL('shop.log', folder), 'utf8').trimEnd().split('\n')
  const { format, name } = detectFormat(lines)
  const drain = new Drain()
  const keys = lines.map(line => drain.learnKey(format.content(line)))
  const clusters = drain.toSnapshot().clusters.map(({ key, id, path }) => {
    const cluster = drain.cluster(key)!
    return { key, id, template: cluster.template, numLines: cluster.numLines, path, history: cluster.history }
  })
  const golden = { format: name, keys, clusters }
  const file = new URL('shop.templates.json', folder)
  if (process.env.LOGNEO_GOLDEN === 'write') writeFileSync(file, `${JSON.stringify(golden, null, 2)}\n`)
  t.same(golden, JSON.parse(readFileSync(file, 'utf8')))
})
