import t from 'tap'
import { type Chart, lineChart } from '../../plugin/report/chart.js'
import { chartFile } from '../../plugin/report/chart-file.js'
import { makeScale, shortNumber } from '../../plugin/report/scale.js'

const ticks = (values: readonly number[], options: Partial<Parameters<typeof makeScale>[2]> = {}) =>
  makeScale(values, [0, 100], { isLog: false, isTight: false, isCount: false, numTicks: 5, ...options }).ticks

t.test('ticks of a linear axis are round numbers around the values', async t => {
  t.same(ticks([0, 10]), [0, 2, 4, 6, 8, 10])
  t.same(ticks([0.31, 0.94]), [0.2, 0.4, 0.6, 0.8, 1])
  t.same(ticks([-3, 4]), [-4, -2, 0, 2, 4])
  t.same(ticks([1e9, 5e9]), [1e9, 2e9, 3e9, 4e9, 5e9])
  t.same(ticks([0, 23], { isTight: true }), [0, 5, 10, 15, 20])
  t.same(ticks([1, 3], { isTight: true, isCount: true }), [1, 2, 3])
})

t.test('ticks of a logarithmic axis are powers of ten, or 1, 2, 5 of them within two decades', async t => {
  const log = { isLog: true }
  t.same(ticks([0.0004, 1], log), [1e-4, 0.001, 0.01, 0.1, 1])
  t.same(ticks([1e-12, 1], log), [1e-12, 1e-9, 1e-6, 0.001, 1])
  t.same(ticks([0.3, 4], log), [0.2, 0.5, 1, 2, 5])
  t.ok(ticks([40, 45], log).length >= 3, 'a span of less than half a decade')
})

t.test('ticks stay sane whatever the values', async t => {
  const cases = [
    [],
    [0],
    [7],
    [-2],
    [1e-300],
    [1e300],
    [1, 1 + 1e-15],
    [Number.NaN],
    [Number.POSITIVE_INFINITY, 1],
    [-1e-9, 1e9],
  ]
  for (const values of cases) {
    for (const isLog of [false, true]) {
      for (const isTight of [false, true]) {
        const scale = makeScale(values, [0, 100], { isLog, isTight, isCount: false, numTicks: 5 })
        const what = `${values} ${isLog ? 'log' : 'linear'} ${isTight ? 'tight' : ''}`
        t.ok(scale.ticks.length <= 20, what)
        t.ok(
          scale.ticks.every(tick => Number.isFinite(tick) && (!isLog || tick > 0)),
          what,
        )
        t.ok(
          scale.ticks.every((tick, i) => i === 0 || tick > scale.ticks[i - 1]!),
          `${what}: ${scale.ticks}`,
        )
        t.ok(scale.max > scale.min, what)
        for (const value of values) {
          const place = scale.place(value)
          if (Number.isFinite(value) && (!isLog || value > 0))
            t.ok(place >= 0 && place <= 100, `${what}: ${place}`)
        }
      }
    }
  }
})

t.test('numbers are short and exact to four digits', async t => {
  t.same([0, 1500, 0.05, 123_456, 0.001, 1e-4, 2.5e-7, 3e9, -0.25, 1.23456].map(shortNumber), [
    '0',
    '1,500',
    '0.05',
    '123,500',
    '0.001',
    '10⁻⁴',
    '2.5×10⁻⁷',
    '3×10⁹',
    '-0.25',
    '1.235',
  ])
})

const CHART: Chart = {
  title: 'Loss <of> "it"',
  x: { label: 'epoch & step' },
  y: { label: 'loss', isLog: true },
  series: [
    {
      name: 'training',
      points: [
        [1, 2],
        [2, 0.5],
        [3, 0.25],
      ],
    },
    {
      name: '<held out>',
      points: [
        [1, 2.5],
        [2, Number.NaN],
        [3, 0],
        [4, 0.5],
      ],
      isDashed: true,
      band: [
        [1, 2, 3],
        [4, 0.4, 0.6],
      ],
    },
  ],
  marks: [
    { axis: 'x', at: 2, label: 'here & now' },
    { axis: 'y', at: 0.5, label: '<half>' },
  ],
}

t.test('a chart shows lines, axes, legend, marks and values to point at; its texts are escaped', async t => {
  const svg = lineChart(CHART)
  t.match(svg, /<title>Loss &lt;of&gt; &quot;it&quot;<\/title>/)
  for (const text of [
    'epoch &amp; step',
    'loss',
    'training',
    '&lt;held out&gt;',
    'here &amp; now',
    '&lt;half&gt;',
  ])
    t.match(svg, `>${text}</text>`)
  t.match(svg, /<title>training 2: 0\.5<\/title>/)
  t.equal(svg.match(/class="hit"/g)!.length, 5, 'what a logarithmic axis cannot show is left out')
  t.equal(svg.match(/class="band"/g)!.length, 1)
  t.notMatch(svg, /NaN|undefined|Infinity/)
  const numbers = [...svg.matchAll(/\bc?[xy]="(-?[\d.]+)"/g)].map(match => Number(match[1]))
  t.ok(numbers.every(number => number >= 0 && number <= 720))
})

t.test('no data, one point and a hundred thousand', async t => {
  const drawn = (points: readonly (readonly [number, number])[], isLog = false) =>
    lineChart({ title: 't', x: { label: 'x' }, y: { label: 'y', isLog }, series: [{ name: 's', points }] })
  t.match(drawn([]), />no data</)
  t.match(
    drawn(
      [
        [1, 0],
        [2, -1],
      ],
      true,
    ),
    />no data</,
  )
  t.notMatch(drawn([]), /NaN/)
  t.match(drawn([[3, 3]]), /<circle cx="[\d.]+" cy="[\d.]+" r="2.5"/, 'one point is a dot')
  const many = drawn(Array.from({ length: 100_000 }, (_, i) => [i, Math.sin(i)] as const))
  t.ok(many.length < 100_000, `${many.length}`)
})

t.test('a chart as a file of its own has its colours with it', async t => {
  const svg = chartFile([CHART])
  t.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
  t.match(svg, /<style>[^<]*prefers-color-scheme:dark[^<]*<\/style>/)
})
