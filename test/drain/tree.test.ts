import t from 'tap'
import { Cluster } from '../../drain/cluster.js'
import { LineTokens } from '../../drain/line-tokens.js'
import { MaskScanner } from '../../drain/mask-scanner.js'
import { resolveDrainOptions } from '../../drain/options.js'
import { TokenTable } from '../../drain/token-table.js'
import { ParseTree } from '../../drain/tree.js'

t.test('a cluster taken out leaves neither nodes nor tokens behind', async t => {
  const options = resolveDrainOptions({ depth: 6, maxChildren: 3 })
  const table = new TokenTable()
  const tokens = new LineTokens(options, new MaskScanner(options.masks), table)
  const tree = new ParseTree(options, table)
  const before = table.size
  const lines = ['a b c d', 'a b x y', 'b 1 c d', 'c c c c', 'd d d d', 'a', '']
  const clusters = lines.map((line, key) => {
    tokens.split(line, 0)
    const leaf = tree.insert(tokens)
    const ids = Array.from({ length: tokens.count }, (_, token) => table.intern(tokens.text(token)))
    const cluster = new Cluster(key, '', Int32Array.from(ids), new Uint8Array(ids.length), leaf, table)
    leaf.add(cluster)
    return cluster
  })
  const find = (line: string) => {
    tokens.split(line, 0)
    return tree.find(tokens)
  }
  for (const [i, line] of lines.entries()) t.equal(find(line), clusters[i]!.leaf, line)
  t.same(clusters[4]!.leaf.path.length, 3)
  t.equal(table.text(clusters[4]!.leaf.path[0]!), '<*>', 'no room for one more first token')
  for (const cluster of clusters) {
    tree.remove(cluster)
    for (const id of cluster.tokenIds) table.release(id)
  }
  for (const line of lines) t.equal(find(line), undefined, line)
  t.equal(table.size, before)
})
