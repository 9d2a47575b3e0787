import t from 'tap'
import { GraphBuilder } from '../../scorer/onnx/graph.js'
import { Runtime } from '../../scorer/runtime.js'

t.test('a loop hands values on, reads those around it and collects one scalar a turn', async t => {
  const graph = new GraphBuilder('powers')
  const factor = graph.input('factor', 'float32', [])
  const start = graph.input('start', 'float32', [2])
  const outer = graph.loop(
    graph.constant('int64', [], [3]),
    [{ value: start, shape: [2] }],
    (body, turn, [x]) => {
      // A loop within the loop: twice times the factor.
      const inner = body.loop(body.constant('int64', [], [2]), [{ value: x!, shape: [2] }], (g, _, [y]) => ({
        carried: [g.node('Mul', [y!, factor])],
        collected: [],
      }))
      return { carried: [inner.carried[0]!], collected: [body.node('Cast', [turn], { to: 1 })] }
    },
  )
  graph.output('end', outer.carried[0]!, 'float32', [2])
  graph.output('turns', outer.collected[0]!, 'float32', ['S'])
  const runtime = await Runtime.load(graph.finish())
  t.teardown(() => runtime.release())
  const { end, turns } = await runtime.run({
    factor: { data: Float32Array.of(2), shape: [] },
    start: { data: Float32Array.of(1, 3), shape: [2] },
  })
  t.same([...end!], [64, 192])
  t.same([...turns!], [0, 1, 2])
})

t.test('nodes and constants that no output needs are left out', t => {
  const graph = new GraphBuilder('lean')
  const x = graph.input('x', 'float32', [])
  const unused = graph.node('Tanh', [graph.node('Mul', [x, graph.scalar(1234.5)])])
  graph.node('Exp', [unused])
  graph.output('y', graph.node('Neg', [x]), 'float32', [])
  const model = graph.finish()
  t.ok(model.includes('Neg'))
  for (const op of ['Tanh', 'Exp', 'Mul']) t.notOk(model.includes(op), op)
  t.notOk(model.includes(Buffer.from(Float32Array.of(1234.5).buffer)))
  t.end()
})
