import { CHART_STYLE, type Chart, chartSize, drawChart } from './chart.js'
import { escapeHtml } from './html.js'

/** Room for the title above each chart. */
const TITLE_HEIGHT = 30
const PAGE_STYLE =
  '.chart{background:#fff;color:#1d2530}.chart .title{font-size:14px;font-weight:600}@media(prefers-color-scheme:dark){.chart{--card:#13171d;background:#13171d;color:#e3e8ee}}'

/**
 * Draws charts below each other as one SVG file, each under its title. Series of one name have one colour in all of them, unless they say
 * which.
 */
export function chartFile(charts: readonly Chart[]): string {
  const names = [...new Set(charts.flatMap(({ series }) => series.map(({ name }) => name)))]
  const sizes = charts.map(chartSize)
  const width = Math.max(...sizes.map(size => size.width))
  let height = 0
  const drawn = charts.map((chart, i) => {
    const top = height
    height += TITLE_HEIGHT + sizes[i]!.height
    const title = `<text class="title" x="2" y="20">${escapeHtml(chart.title)}</text>`
    return `<g transform="translate(0 ${top})">${title}<g transform="translate(0 ${TITLE_HEIGHT})">${drawChart(withColours(chart, names))}</g></g>`
  })
  return [
    `<svg class="chart" role="img" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" xmlns="http://www.w3.org/2000/svg">`,
    `<title>${escapeHtml(charts.map(({ title }) => title).join('; '))}</title>`,
    `<style>${CHART_STYLE}${PAGE_STYLE}</style>`,
    ...drawn,
    '</svg>\n',
  ].join('')
}

function withColours(chart: Chart, names: readonly string[]): Chart {
  const series = chart.series.map(one => ({ ...one, colour: one.colour ?? names.indexOf(one.name) }))
  return { ...chart, series }
}
