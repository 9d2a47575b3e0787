import { escapeHtml, type Html } from './html.js'
import { isShowable, makeScale, type Scale, shortNumber } from './scale.js'

export type Point = readonly [x: number, y: number]

/** One line of a chart. Points the axes cannot show (not finite; not positive on a log axis) are left out. */
export interface Series {
  readonly name: string
  readonly points: readonly Point[]
  /** Lower and upper bounds at some x, drawn as an area in the line's colour. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[]
  /** Default: where all colours are taken, so that lines of one colour are told apart. */
  readonly isDashed?: boolean
  /** Number of its colour, from 0; by default its place among the series. */
  readonly colour?: number
}

export interface Axis {
  /** What is shown and in which unit. */
  readonly label: string
  readonly isLog?: boolean
  /** Whether only whole numbers make sense on it. */
  readonly isCount?: boolean
  /** Values the axis holds in any case. */
  readonly include?: readonly number[]
}

/** A value worth a line across the chart. */
export interface Mark {
  readonly axis: 'x' | 'y'
  readonly at: number
  readonly label: string
}

/** A line chart. Texts may be anything: they are escaped. */
export interface Chart {
  /** For people who cannot see it. */
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
  readonly marks?: readonly Mark[]
  /** Pixels. Default 720 by 300. */
  readonly width?: number
  readonly height?: number
}

const COLOURS = 6
const CHARACTER = 6.6
const LINE = 18
/** Points of a series that answer to the pointer, and points drawn. */
const MAX_TOOLTIPS = 120
const MAX_DRAWN = 1500
/** Up to so many points are drawn as dots too. */
const MAX_DOTS = 40

/** Colours and lines of charts; a page holds it once. Dark where the reader's system is. */
export const CHART_STYLE = `
.chart{--c0:#2265c9;--c1:#c2560c;--c2:#1f8a5b;--c3:#8a46b8;--c4:#a8790a;--c5:#c03a66;display:block;max-width:100%;height:auto;font:12px system-ui,sans-serif;fill:currentColor}
.chart .grid{stroke:currentColor;opacity:.13}.chart .axis{stroke:currentColor;opacity:.45}.chart .tick{opacity:.75}
.chart .line{fill:none;stroke-width:2;stroke-linejoin:round}.chart .dashed{stroke-dasharray:6 4}.chart .band{opacity:.16}
.chart .label{paint-order:stroke;stroke:var(--card,#fff);stroke-width:4px;stroke-linejoin:round}.chart .mark{stroke:currentColor;stroke-dasharray:2 3}.chart .hit{fill:transparent;stroke:none;pointer-events:all}.chart .hit:hover{fill:currentColor;fill-opacity:.25}
@media(prefers-color-scheme:dark){.chart{--c0:#69a8ff;--c1:#ff9c54;--c2:#54c893;--c3:#c592f0;--c4:#dcb04a;--c5:#f582a8}}
`.trim()

/** Draws a chart as SVG for a page that holds CHART_STYLE. */
export function lineChart(chart: Chart): Html {
  const { width, height } = chartSize(chart)
  return `<svg class="chart" role="img" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" xmlns="http://www.w3.org/2000/svg"><title>${escapeHtml(chart.title)}</title>${drawChart(chart)}</svg>`
}

/** Pixels a chart takes. */
export function chartSize({ width = 720, height = 300 }: Chart): { width: number; height: number } {
  return { width, height }
}

/** What a chart is drawn of, from its upper left corner, for an SVG of class `chart` that may hold more. */
export function drawChart(chart: Chart): Html {
  const { width, height } = chartSize(chart)
  const frame = layOut(chart, width, height)
  const isEmpty = !chart.series.some(({ points }) => points.some(point => isVisible(point, frame)))
  return [
    drawAxes(chart, frame),
    ...chart.series.map((series, i) => drawSeries(series, series.colour ?? i, frame)),
    ...(chart.marks ?? []).map((mark, i) => drawMark(mark, i, frame)),
    drawLegend(frame),
    isEmpty
      ? `<text class="tick" x="${n((frame.left + frame.right) / 2)}" y="${n((frame.top + frame.bottom) / 2)}" text-anchor="middle">no data</text>`
      : '',
  ].join('')
}

interface Frame {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  readonly x: Scale
  readonly y: Scale
  readonly legend: readonly LegendEntry[]
}

interface LegendEntry {
  readonly series: Series
  readonly colour: number
  readonly x: number
  readonly y: number
}

function layOut(chart: Chart, width: number, height: number): Frame {
  const { series, marks = [] } = chart
  const legend = placeLegend(series, width)
  const top = LINE + 6 + (legend.length === 0 ? 0 : legend.at(-1)!.y - LINE + 14)
  const bottom = height - 42
  const valuesOf = (axis: 'x' | 'y'): number[] => [
    ...(chart[axis].include ?? []),
    ...marks.filter(mark => mark.axis === axis).map(mark => mark.at),
    ...series.flatMap(({ points, band = [] }) => [
      ...points.map(point => point[axis === 'x' ? 0 : 1]),
      ...band.flatMap(([x, low, high]) => (axis === 'x' ? [x] : [low, high])),
    ]),
  ]
  const y = makeScale(valuesOf('y'), [bottom, top], {
    isLog: chart.y.isLog === true,
    isTight: false,
    isCount: chart.y.isCount === true,
    numTicks: (bottom - top) / 36,
  })
  const left = 14 + CHARACTER * Math.max(...y.ticks.map(tick => shortNumber(tick).length))
  const right = width - 14
  const x = makeScale(valuesOf('x'), [left, right], {
    isLog: chart.x.isLog === true,
    isTight: true,
    isCount: chart.x.isCount === true,
    numTicks: (right - left) / 60,
  })
  return { left, right, top, bottom, x, y, legend }
}

/** Entries in rows from left to right; a single series needs none if it has no name. */
function placeLegend(series: readonly Series[], width: number): LegendEntry[] {
  const entries: LegendEntry[] = []
  let x = 2
  let y = 2 * LINE + 2
  series.forEach((one, i) => {
    if (one.name === '') return
    const room = 34 + CHARACTER * one.name.length
    if (x > 2 && x + room > width) {
      x = 2
      y += LINE
    }
    entries.push({ series: one, colour: one.colour ?? i, x, y })
    x += room + 10
  })
  return entries
}

function drawAxes({ x: xAxis, y: yAxis }: Chart, { left, right, top, bottom, x, y }: Frame): Html {
  const across = y.ticks.map(
    tick =>
      `<path class="grid" d="M${n(left)} ${n(y.place(tick))}H${n(right)}"/><text class="tick" x="${n(left - 6)}" y="${n(y.place(tick) + 4)}" text-anchor="end">${shortNumber(tick)}</text>`,
  )
  const below = x.ticks.map(tick => {
    const label = shortNumber(tick)
    const isAtEdge = x.place(tick) + (CHARACTER / 2) * label.length > right + 8
    return `<path class="axis" d="M${n(x.place(tick))} ${n(bottom)}v4"/><text class="tick" x="${n(isAtEdge ? right + 8 : x.place(tick))}" y="${n(bottom + 17)}" text-anchor="${isAtEdge ? 'end' : 'middle'}">${label}</text>`
  })
  return [
    ...across,
    ...below,
    `<path class="axis" d="M${n(left)} ${n(top)}V${n(bottom)}H${n(right)}" fill="none"/>`,
    `<text x="2" y="14">${escapeHtml(yAxis.label)}</text>`,
    `<text x="${n(right + 6)}" y="${n(bottom + 35)}" text-anchor="end">${escapeHtml(xAxis.label)}</text>`,
  ].join('')
}

function drawSeries(series: Series, colour: number, frame: Frame): Html {
  const { name, points, band = [] } = series
  const { x, y } = frame
  const isDashed = isDrawnDashed(series, colour)
  const paint = `var(--c${colour % COLOURS})`
  const at = ([px, py]: Point): string => `${n(x.place(px))} ${n(y.place(py))}`
  const shown = thin(
    points.filter(point => isVisible(point, frame)),
    MAX_DRAWN,
  )
  const parts: Html[] = []
  const edges = band.filter(([bx, low, high]) => isVisible([bx, low], frame) && isVisible([bx, high], frame))
  if (edges.length > 1) {
    const upper = edges.map(([bx, , high]) => at([bx, high]))
    const lower = edges.map(([bx, low]) => at([bx, low])).reverse()
    parts.push(`<path class="band" fill="${paint}" d="M${[...upper, ...lower].join('L')}Z"/>`)
  }
  if (shown.length > 1) {
    parts.push(
      `<path class="line${isDashed ? ' dashed' : ''}" stroke="${paint}" d="M${shown.map(at).join('L')}"/>`,
    )
  }
  const dots = shown.length === 1 || (shown.length <= MAX_DOTS && !isDashed) ? shown : []
  parts.push(
    ...dots.map(
      point => `<circle cx="${n(x.place(point[0]))}" cy="${n(y.place(point[1]))}" r="2.5" fill="${paint}"/>`,
    ),
  )
  parts.push(
    ...thin(shown, MAX_TOOLTIPS).map(
      point =>
        `<circle class="hit" cx="${n(x.place(point[0]))}" cy="${n(y.place(point[1]))}" r="6"><title>${escapeHtml(`${name} ${shortNumber(point[0])}: ${shortNumber(point[1])}`.trim())}</title></circle>`,
    ),
  )
  return parts.join('')
}

/** Labels of marks across x stand one below the other, so that neighbours do not overlap. */
function drawMark({ axis, at, label }: Mark, row: number, frame: Frame): Html {
  const { left, right, top, bottom } = frame
  if (!isShowable(at, frame[axis].isLog)) return ''
  const place = frame[axis].place(at)
  const text = escapeHtml(label)
  if (axis === 'y') {
    const below = place - top < LINE ? 14 : -5
    return `<path class="mark" d="M${n(left)} ${n(place)}H${n(right)}"/><text class="label" x="${n(left + 6)}" y="${n(place + below)}">${text}</text>`
  }
  const isRight = place + 8 + CHARACTER * label.length > right && place - left > right - place
  return `<path class="mark" d="M${n(place)} ${n(top)}V${n(bottom)}"/><text class="label" x="${n(place + (isRight ? -5 : 5))}" y="${n(top + 12 + 15 * row)}"${isRight ? ' text-anchor="end"' : ''}>${text}</text>`
}

function drawLegend({ legend }: Frame): Html {
  return legend
    .map(
      ({ series, colour, x, y }) =>
        `<path class="line${isDrawnDashed(series, colour) ? ' dashed' : ''}" stroke="var(--c${colour % COLOURS})" d="M${n(x)} ${n(y - 4)}h20"/><text x="${n(x + 26)}" y="${n(y)}">${escapeHtml(series.name)}</text>`,
    )
    .join('')
}

function isDrawnDashed({ isDashed }: Series, colour: number): boolean {
  return isDashed ?? colour >= COLOURS
}

function isVisible([px, py]: Point, { x, y }: Frame): boolean {
  return isShowable(px, x.isLog) && isShowable(py, y.isLog)
}

/** At most `max` of the items, evenly spaced, first and last among them. */
function thin<T>(items: readonly T[], max: number): readonly T[] {
  if (items.length <= max) return items
  return Array.from({ length: max }, (_, i) => items[Math.round((i * (items.length - 1)) / (max - 1))]!)
}

/** A coordinate, to a tenth of a pixel. */
function n(value: number): string {
  return String(Math.round(value * 10) / 10)
}
