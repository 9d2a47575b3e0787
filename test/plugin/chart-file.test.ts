import t from 'tap'
import type { Chart } from '../../plugin/report/chart.js'
import { chartFile } from '../../plugin/report/chart-file.js'

const CHART: Chart = {
  title: 'a < b & c',
  x: { label: 'step' },
  y: { label: 'nats' },
  series: [
    {
      name: 'one',
      points: [
        [0, 0.1],
        [50, 0.3],
        [100, 0.5],
      ],
    },
    {
      name: 'two',
      points: [
        [0, 0.5],
        [100, 0.1],
      ],
    },
  ],
}

const linesOf = (svg: string) =>
  [...svg.matchAll(/<path class="line[^>]* d="(M[^"]+L[^"]+)"/g)].map(([, d]) => d)
const legendOf = (svg: string) =>
  [
    ...svg.matchAll(
      /<path class="line( dashed)?" stroke="var\((--c\d)\)" d="M[\d. ]+h20"\/><text[^>]*>([^<]*)</g,
    ),
  ].map(([, dashed, colour, name]) => `${name} ${colour}${dashed ?? ''}`)

t.test('a chart places its points between round ticks and keeps names from being markup', async t => {
  const svg = chartFile([CHART])
  t.match(svg, />a &lt; b &amp; c<\/text>/)
  const lines = linesOf(svg)
  t.equal(lines[0], 'M33.8 258L369.9 158L706 58', 'from corner to corner')
  t.equal(lines[1], 'M33.8 58L706 258')
  for (const tick of ['0', '50', '100', '0.1', '0.2', '0.3', '0.4', '0.5']) t.match(svg, `>${tick}</text>`)
  t.same(legendOf(svg), ['one --c0', 'two --c1'])
})

t.test('a line that is level, or a single point, is drawn all the same', async t => {
  const drawn = (points: Chart['series'][number]['points']) =>
    chartFile([{ title: '', x: { label: '' }, y: { label: '' }, series: [{ name: 'one', points }] }])
  t.notMatch(drawn([[1, 0.25]]), /NaN|Infinity/)
  t.match(drawn([[1, 0.25]]), '<circle')
  const level = drawn([
    [1, 0.25],
    [2, 0.25],
  ])
  t.notMatch(level, /NaN|Infinity/)
  t.equal(linesOf(level).length, 1)
})

t.test('charts stand below each other, and one name has one look in all of them', async t => {
  const named = (...names: string[]): Chart => ({
    ...CHART,
    height: 200,
    series: names.map((name, i) => ({
      name,
      points: [
        [0, i],
        [1, i + 1],
      ],
    })),
  })
  const svg = chartFile([named('a', 'b'), named('c', 'd', 'e', 'f', 'g', 'b')])
  t.match(svg, /viewBox="0 0 720 460"/)
  t.match(svg, '<g transform="translate(0 230)">')
  t.same(legendOf(svg), [
    'a --c0',
    'b --c1',
    'c --c2',
    'd --c3',
    'e --c4',
    'f --c5',
    'g --c0 dashed',
    'b --c1',
  ])
})
