import type { TrainListener } from '../../scorer/train/train.js'
import { duration, integer } from '../report/html.js'
import { progressBar } from './terminal.js'
import { TimeLeft } from './time-left.js'

/** Share by which a step's loss moves the loss shown: batches differ, and several models train at a time. */
const SMOOTHING = 0.05

export interface TrainingBar {
  readonly listener: TrainListener
  stop(): void
}

/** One line on a terminal that says how far training is, how good it gets, and how long it will take. */
export function trainingBar(isWanted: boolean | undefined, title = 'training'): TrainingBar {
  const bar = progressBar(isWanted)
  const timeLeft = new TimeLeft()
  let smoothedLoss: number | undefined
  let heldOut: number | undefined
  return {
    listener: (done, total, { loss, validationLoss }) => {
      if (smoothedLoss === undefined) bar.start(total, title)
      smoothedLoss = loss + (1 - SMOOTHING) * ((smoothedLoss ?? loss) - loss)
      heldOut = validationLoss ?? heldOut
      const seconds = timeLeft.update(done, total, performance.now() / 1000)
      const parts = [
        seconds === undefined ? 'estimating' : `${timeText(seconds)} left`,
        `step ${integer(done)} of ${integer(total)}`,
        `loss ${smoothedLoss.toFixed(3)}`,
        ...(heldOut === undefined ? [] : [`held out ${heldOut.toFixed(3)}`]),
      ]
      bar.update(done, total, parts.join('  '))
    },
    stop: () => bar.stop(),
  }
}

/** In whole seconds, above a minute in fives: a figure that jumps about cannot be read. */
function timeText(seconds: number): string {
  if (seconds < 10) return `${Math.ceil(seconds)} s`
  const unit = seconds > 60 ? 5 : 1
  return duration(unit * Math.ceil(seconds / unit))
}
