import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { Fifo } from '../../plugin/fifo.js'

t.test('items come out in the order in which they went in', async () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('push', 'shift'), fc.integer({ min: 1, max: 400 })))
  fc.assert(
    fc.property(steps, steps => {
      const fifo = new Fifo<number>()
      let pushed = 0
      let shifted = 0
      for (const [kind, times] of steps) {
        for (let i = 0; i < times; i++) {
          if (kind === 'push') fifo.push(pushed++)
          else {
            const expected = shifted < pushed ? shifted++ : undefined
            assert.equal(fifo.peek(), expected)
            assert.equal(fifo.shift(), expected)
          }
          assert.equal(fifo.length, pushed - shifted)
        }
      }
      assert.deepEqual(
        fifo.drain(),
        Array.from({ length: pushed - shifted }, (_, i) => shifted + i),
      )
      assert.equal(fifo.length, 0)
    }),
    { seed: 42, numRuns: 50 },
  )
})

t.test('what was taken out is let go of although others wait behind it', async t => {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  const fifo = new Fifo<object>()
  const taken = (() => {
    fifo.push({ large: true })
    fifo.push({ next: true })
    return new WeakRef(fifo.shift()!)
  })()
  await new Promise(resolve => setImmediate(resolve))
  collect()
  t.equal(taken.deref(), undefined)
  t.equal(fifo.length, 1)
})
