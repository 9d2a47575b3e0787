import { pValue, surpriseThreshold } from '../../scorer/calibrate.js'
import type { Point } from './chart.js'
import { counted, type Html, integer, oneIn, percent } from './html.js'
import type { ReportData } from './report-data.js'
import { responsiveChart } from './responsive-chart.js'

/** Points of the fitted curve. */
const NUM_POINTS = 120
/** Fewer sessions than this beyond the threshold do not carry it. */
const FEW_SESSIONS = 5
/** Standard errors of a 95 % interval. */
const Z = 1.96

/** From which surprise on a session is flagged, and what that rests on. */
export function calibrationSection({ model, falseAlarmRate }: ReportData): Html {
  const { calibration, details } = model
  const { tail, numSessions } = calibration
  const sorted = details?.maxSurprises ?? new Float64Array(0)
  const threshold = surpriseThreshold(calibration, falseAlarmRate)
  const end = Math.max(threshold * 1.2, sorted.at(-1) ?? 0)
  const shares = exceedances(sorted)
  return `<section><h2>Calibration</h2>
<p>A session is as strange as its most surprising event. The curve shows how many ordinary sessions hold an event at least so surprising, judged by models that had not seen them. At the default false-alarm rate, ${percent(falseAlarmRate)} of normal sessions, an event is flagged from <strong>${threshold.toFixed(2)} nats</strong> on: the model gave it a probability of ${oneIn(Math.exp(threshold))} or less.</p>
${responsiveChart({
  title: 'Share of sessions by the surprise of their most surprising event',
  x: { label: 'surprise of the most surprising event, nats', include: [0, end] },
  y: { label: 'share of sessions at least so surprising (log scale)', isLog: true, include: [1] },
  series: [
    {
      name: 'counted, with 95 % interval',
      points: shares.map(({ at, share }) => [at, share]),
      band: shares.map(({ at, low, high }) => [at, low, high]),
    },
    { name: 'p-value in use', points: fittedCurve(model.calibration, end), isDashed: true },
  ],
  marks: [
    { axis: 'x', at: tail.start, label: 'fitted tail' },
    { axis: 'x', at: threshold, label: 'flagged' },
    { axis: 'y', at: falseAlarmRate, label: percent(falseAlarmRate) },
  ],
})}
<p>${uncertainty(sorted, threshold, numSessions, falseAlarmRate)} From ${tail.start.toFixed(1)} nats on the curve is an exponential fitted to the most surprising sessions: it falls by a factor e every ${tail.scale.toFixed(2)} nats.</p></section>`
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

/** Share of sessions at or beyond the k-th largest surprise, for k = 1, 2, 3... and then ever larger steps. */
function exceedances(sorted: Float64Array): Exceedance[] {
  const count = sorted.length
  const points: Exceedance[] = []
  for (let k = 1; k <= count; k = Math.max(k + 1, Math.round(k * 1.08))) {
    const [low, high] = wilson(k, count)
    points.push({ at: sorted[count - k]!, share: k / count, low, high })
  }
  return points.reverse()
}

function fittedCurve(calibration: ReportData['model']['calibration'], end: number): Point[] {
  return Array.from({ length: NUM_POINTS + 1 }, (_, i) => {
    const surprise = (end * i) / NUM_POINTS
    return [surprise, pValue(calibration, surprise)]
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
