import t from 'tap'
import { pairwise } from '../fixtures/peers/pairwise.js'

t.test('each pair of switches has each pair of values that is allowed', async t => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'] as const
  const chosen = pairwise(names, ({ a, b }) => !b || a)
  t.ok(chosen.length < 10, `${chosen.length} of 48`)
  for (const [i, one] of names.entries())
    for (const other of names.slice(i + 1))
      for (const x of [false, true])
        for (const y of [false, true]) {
          const isThere = chosen.some(switches => switches[one] === x && switches[other] === y)
          t.equal(isThere, !(one === 'a' && other === 'b' && !x && y), `${one}=${x} ${other}=${y}`)
        }
})
