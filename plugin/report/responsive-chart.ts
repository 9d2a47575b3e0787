import { type Chart, lineChart } from './chart.js'
import type { Html } from './html.js'

/** A chart drawn twice, for screens and paper and for phones: scaled down, its text could not be read. The page's style shows one of them. */
export function responsiveChart(chart: Chart): Html {
  return `<div class="wide">${lineChart({ ...chart, width: 800, height: 300 })}</div><div class="narrow">${lineChart({ ...chart, width: 340, height: 260 })}</div>`
}
