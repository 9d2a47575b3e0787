import { Judge } from '../../scorer/judge.js'
import type { NullDistribution } from '../../scorer/null-distribution.js'
import type { Point } from './chart.js'
import { counted, type Html, integer, percent } from './html.js'
import type { ReportData } from './report-data.js'
import { responsiveChart } from './responsive-chart.js'

/** Points of the fitted curve. */
const NUM_POINTS = 120
/** Fewer sessions than this beyond the threshold do not carry it. */
const FEW_SESSIONS = 5
/** Standard errors of a 95 % interval. */
const Z = 1.96

/** From which evidence on a session is flagged, and what that rests on. */
export function calibrationSection({ model, falseAlarmRate }: ReportData): Html {
  const judge = new Judge(model, { falseAlarmRate })
  const { normalEvidence, normals, threshold } = judge
  const end = Math.max(threshold * 1.2, normalEvidence.at(-1)!)
  const shares = exceedances(normalEvidence)
  return `<section><h2>Calibration</h2>
<p>What is odd about a session adds up: how unexpected the order of its events is, and how unlike other sessions what it is made of, both beyond what nine in ten normal sessions show. The curve shows how many ordinary sessions reach that much evidence, judged by models that had not seen them. At the default false-alarm rate, ${percent(falseAlarmRate)} of normal sessions, a session is flagged from <strong>${threshold.toFixed(2)}</strong> on.</p>
${responsiveChart({
  title: 'Share of sessions by evidence',
  x: { label: 'evidence that the session is odd', include: [0, end] },
  y: { label: 'share of sessions with at least so much (log scale)', isLog: true, include: [1] },
  series: [
    {
      name: 'counted, with 95 % interval',
      points: shares.map(({ at, share }) => [at, share]),
      band: shares.map(({ at, low, high }) => [at, low, high]),
    },
    { name: 'p-value in use', points: curve(normals, end), isDashed: true },
  ],
  marks: [
    { axis: 'x', at: normals.tailStart, label: 'fitted tail' },
    { axis: 'x', at: threshold, label: 'flagged' },
    { axis: 'y', at: falseAlarmRate, label: percent(falseAlarmRate) },
  ],
})}
<p>${uncertainty(normalEvidence, threshold, normals.numSessions, falseAlarmRate)} From ${normals.tailStart.toFixed(1)} on, beyond the strangest of them, the curve is a generalised Pareto tail fitted to the strangest ones.</p></section>`
}

function uncertainty(sorted: Float64Array, threshold: number, numSessions: number, rate: number): Html {
  const numBeyond = sorted.length - lowerBound(sorted, threshold)
  const [low, high] = wilson(numBeyond, Math.max(1, sorted.length))
  const beyond = numBeyond === 0 ? 'none lies' : `${integer(numBeyond)} ${numBeyond === 1 ? 'lies' : 'lie'}`
  const isFirm = rate * numSessions >= FEW_SESSIONS
  return `This rests on ${counted(numSessions, 'validation session')}; ${beyond} beyond the threshold${isFirm ? '' : ', which is read off the fitted tail'}. The true rate of false alarms is between ${percent(low)} and ${percent(high)} (95 % interval).${isFirm ? '' : ` ${counted(Math.ceil(FEW_SESSIONS / rate), 'session')} or more would make it firm.`}`
}

interface Exceedance {
  readonly at: number
  readonly share: number
  readonly low: number
  readonly high: number
}

/** Share of sessions at or beyond the k-th largest evidence, for k = 1, 2, 3... and then ever larger steps. */
function exceedances(sorted: Float64Array): Exceedance[] {
  const count = sorted.length
  const points: Exceedance[] = []
  for (let k = 1; k <= count; k = Math.max(k + 1, Math.round(k * 1.08))) {
    const [low, high] = wilson(k, count)
    points.push({ at: sorted[count - k]!, share: k / count, low, high })
  }
  return points.reverse()
}

function curve(normals: NullDistribution, end: number): Point[] {
  return Array.from({ length: NUM_POINTS + 1 }, (_, i) => {
    const evidence = (end * i) / NUM_POINTS
    return [evidence, normals.pValue(evidence)]
  })
}

/** 95 % interval of a share of which `count` of `total` were seen (Wilson, 1927). */
export function wilson(count: number, total: number): readonly [low: number, high: number] {
  const share = count / total
  const shrink = 1 + Z ** 2 / total
  const centre = (share + Z ** 2 / (2 * total)) / shrink
  const reach = (Z / shrink) * Math.sqrt((share * (1 - share)) / total + Z ** 2 / (4 * total ** 2))
  return [count === 0 ? 0 : centre - reach, count === total ? 1 : centre + reach]
}

function lowerBound(sorted: Float64Array, value: number): number {
  const index = sorted.findIndex(one => one >= value)
  return index < 0 ? sorted.length : index
}
