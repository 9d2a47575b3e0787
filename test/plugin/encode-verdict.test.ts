import fc from 'fast-check'
import t from 'tap'
import { VerdictEncoder } from '../../plugin/encode-verdict.js'
import { round, trimVerdict } from '../../plugin/fields.js'
import { decodeRecord } from '../../plugin/msgpack/decode.js'
import { PackWriter } from '../../plugin/msgpack/write.js'
import type { Verdict } from '../../plugin/verdict.js'

const text = fc.string({ unit: 'binary', maxLength: 300 })
const number = fc.double({ min: 0, max: 1e9, noNaN: true })
const ordinary: fc.Arbitrary<Verdict> = fc.record({
  status: fc.constant('scored' as const),
  anomaly: fc.constant(false),
  score: number,
  severity: fc.constantFrom('none' as const, 'low' as const),
  session: text,
  template: fc.oneof(fc.constantFrom('a <*>', 'b'), text),
  template_id: fc.constantFrom('t1', 't2'),
  rank: fc.nat(),
  surprise: number,
  model: fc.constantFrom('m1', 'm2'),
})

const read = (write: (writer: PackWriter) => void) => {
  const writer = new PackWriter(16)
  write(writer)
  return decodeRecord(writer.view(), 0, writer.length)
}

t.test('ordinary verdicts, written in blocks, read as those written name by name', async t => {
  const full = new VerdictEncoder('full')
  const brief = new VerdictEncoder('minimal')
  const check = (verdict: Verdict): void => {
    const wanted = { ...verdict, score: round(verdict.score!), surprise: round(verdict.surprise!) }
    t.strictSame(
      read(writer => full.verdict(writer, verdict)),
      wanted,
    )
    if (verdict.severity === 'none')
      t.strictSame(
        read(writer => brief.verdict(writer, verdict)),
        trimVerdict(verdict, 'minimal'),
      )
  }
  fc.assert(fc.property(ordinary, check), { seed: 42, numRuns: 200 })
})

t.test('nothing is -0, which other languages print', async t => {
  const [verdict] = fc.sample(ordinary, { seed: 1, numRuns: 1 })
  const zero = { ...verdict!, score: -0, surprise: -1e-9, severity: 'none' } as const
  for (const fields of ['full', 'minimal'] as const) {
    const { score, surprise = 0 } = read(writer => new VerdictEncoder(fields).verdict(writer, zero))
    t.ok(Object.is(score, 0) && Object.is(surprise, 0), fields)
  }
})

t.test('more templates than are kept, and one whose id changed', async t => {
  const encoder = new VerdictEncoder('full')
  const [verdict] = fc.sample(ordinary, { seed: 1, numRuns: 1 })
  const writer = new PackWriter()
  const told = (one: Verdict): string => {
    writer.reset()
    encoder.verdict(writer, one)
    const { template, template_id } = decodeRecord(writer.view(), 0, writer.length)
    return `${template} ${template_id}`
  }
  let numWrong = 0
  for (let i = 0; i < 10_000; i++) {
    const [template, template_id] = [`kind ${i % 5000}`, `t${i}`]
    if (told({ ...verdict!, template, template_id }) !== `${template} ${template_id}`) numWrong++
  }
  t.equal(numWrong, 0)
})
