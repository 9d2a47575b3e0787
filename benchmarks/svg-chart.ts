/** A line of a chart: its points in order of x. */
export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface Chart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly series: readonly Series[]
}

const WIDTH = 480
const HEIGHT = 300
const MARGIN = { left: 64, right: 16, top: 40, bottom: 48 }
/** Told apart by people who see few colours (Okabe and Ito, 2008). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9']
const NUM_TICKS = 5

/** Draws charts below each other, as one SVG document. Series of one name have one colour in all of them. */
export function svgCharts(charts: readonly Chart[]): string {
  const names = [...new Set(charts.flatMap(({ series }) => series.map(({ name }) => name)))]
  const body = charts.map(
    (chart, i) => `<g transform="translate(0 ${i * HEIGHT})">${drawChart(chart, names)}</g>`,
  )
  const height = HEIGHT * charts.length
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${body.join('\n')}
</svg>
`
}

function drawChart({ title, xLabel, yLabel, series }: Chart, names: readonly string[]): string {
  const points = series.flatMap(({ points: own }) => own)
  const x = axis(
    points.map(([at]) => at),
    MARGIN.left,
    WIDTH - MARGIN.right,
  )
  const y = axis(
    points.map(([, value]) => value),
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  )
  const middle = (MARGIN.left + WIDTH - MARGIN.right) / 2
  return [
    text(middle, 18, title, 'font-weight="bold" text-anchor="middle"'),
    ...x.ticks.map(tick =>
      text(x.place(tick), HEIGHT - MARGIN.bottom + 16, label(tick), 'text-anchor="middle"'),
    ),
    text(middle, HEIGHT - MARGIN.bottom + 34, xLabel, 'text-anchor="middle"'),
    ...y.ticks.map(
      tick =>
        gridLine(y.place(tick)) + text(MARGIN.left - 6, y.place(tick) + 4, label(tick), 'text-anchor="end"'),
    ),
    text(0, 0, yLabel, `text-anchor="middle" transform="translate(14 ${HEIGHT / 2}) rotate(-90)"`),
    ...series.map(one => drawLine(one, colourOf(one.name, names), x.place, y.place)),
    ...(series.length > 1 ? series.map(({ name }, i) => legendEntry(name, colourOf(name, names), i)) : []),
  ].join('\n')
}

interface Axis {
  readonly ticks: readonly number[]
  readonly place: (value: number) => number
}

/** Maps the values' range, widened to round numbers, to pixels. */
function axis(values: readonly number[], from: number, to: number): Axis {
  const low = Math.min(...values)
  const high = Math.max(...values)
  const step = roundStep((high - low || Math.abs(high) || 1) / (NUM_TICKS - 1))
  const first = Math.floor(low / step + 1e-9)
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9))
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step)
  const scale = (to - from) / ((last - first) * step)
  return { ticks, place: value => round(from + (value - first * step) * scale) }
}

/** The next of 1, 2, 5 times a power of ten. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step))
  return power * ([1, 2, 5].find(factor => factor * power >= step * (1 - 1e-9)) ?? 10)
}

function drawLine({ points }: Series, colour: string, x: Axis['place'], y: Axis['place']): string {
  const path = points.map(([at, value]) => `${x(at)},${y(value)}`).join(' ')
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5" stroke-linejoin="round"/>`
}

function gridLine(y: number): string {
  return `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y}" y2="${y}" stroke="#ddd"/>`
}

/** Entries stand in the plot's upper right corner, below each other. */
function legendEntry(name: string, colour: string, i: number): string {
  const y = MARGIN.top + 12 + 15 * i
  const x = WIDTH - MARGIN.right - 6
  return text(x, y, name, `fill="${colour}" text-anchor="end"`)
}

function colourOf(name: string, names: readonly string[]): string {
  return COLOURS[names.indexOf(name) % COLOURS.length]!
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escaped(content)}</text>`
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function label(value: number): string {
  return String(Number(value.toPrecision(4)))
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
