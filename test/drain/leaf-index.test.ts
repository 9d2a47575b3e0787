import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Cluster } from '../../drain/cluster.js'
import { LineTokens } from '../../drain/line-tokens.js'
import { MaskScanner } from '../../drain/mask-scanner.js'
import { resolveDrainOptions } from '../../drain/options.js'
import { Similarity } from '../../drain/similarity.js'
import { TokenTable } from '../../drain/token-table.js'
import { Leaf } from '../../drain/tree.js'

t.test('a leaf with an index finds what looking at every cluster finds', async t => {
  const word = fc.constantFrom(...'aa bb cc dd ee ff gg hh n1 n2 5'.split(' '))
  const line = fc.array(word, { minLength: 6, maxLength: 6 }).map(words => words.join(' x'))
  const property = fc.property(
    fc.array(line, { minLength: 40, maxLength: 80 }),
    fc.array(line),
    (templates, lines) => {
      const options = resolveDrainOptions({ tokensPerWordChange: 3 })
      const scanner = new MaskScanner(options.masks)
      const table = new TokenTable()
      const tokens = new LineTokens(options, scanner, table)
      const similarity = new Similarity(options, table)
      const leaf = new Leaf(6, [])
      for (const [key, template] of templates.entries()) {
        tokens.split(template, 0)
        const ids = Array.from({ length: tokens.count }, (_, token) => table.intern(tokens.text(token)))
        if (ids.length === 6)
          leaf.add(new Cluster(key, '', Int32Array.from(ids), new Uint8Array(6), leaf, table))
      }
      for (const [i, line] of lines.entries()) {
        tokens.split(line, 0)
        if (tokens.count !== 6) continue
        const best = similarity.findBest(leaf, tokens)
        const isCovered = similarity.isCovered
        assert.equal(best, similarity.findBestPlainly(leaf, tokens))
        if (best === undefined) continue
        assert.equal(isCovered, similarity.isCovered)
        leaf.index?.remove(best)
        if (i % 5 === 0) leaf.remove(best)
        else {
          best.widen(tokens.ids, 4)
          leaf.index?.add(best)
        }
      }
    },
  )
  fc.assert(property, { seed: 42, numRuns: 200 })
  t.pass('for all templates and lines')
})
