import t from 'tap'
import { svgCharts } from '../../benchmarks/svg-chart.js'

t.test('a chart places its points between round ticks and keeps names from being markup', async t => {
  const svg = svgCharts([
    {
      title: 'a < b & c',
      xLabel: 'step',
      yLabel: 'nats',
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
    },
  ])
  t.match(svg, /a &lt; b &amp; c/)
  const lines = [...svg.matchAll(/polyline points="([^"]+)"/g)].map(([, points]) => points)
  t.same(lines[0], '64,252 264,146 464,40', 'from corner to corner')
  t.same(lines[1], '64,40 464,252')
  for (const tick of ['0', '50', '100', '0.1', '0.2', '0.3', '0.4', '0.5']) t.match(svg, `>${tick}</text>`)
  t.match(svg, /fill="#0072b2" text-anchor="end">one</)
})

t.test('a line that is level, or a single point, is drawn all the same', async t => {
  const points = [[1, 0.25]] as const
  const svg = svgCharts([{ title: '', xLabel: '', yLabel: '', series: [{ name: 'one', points }] }])
  t.notMatch(svg, /NaN|Infinity/)
})
