import type { TrainListener } from '../../scorer/train/train.js'
import { duration, integer } from '../report/html.js'
import { progressBar } from './terminal.js'
import { TimeLeft } from './time-left.js'
import { TrainingNote } from './training-note.js'

export interface TrainingBar {
  readonly listener: TrainListener
  stop(): void
}

/** One line on a terminal that says how far training is, how good it gets, and how long it will take. */
export function trainingBar(isWanted: boolean | undefined, title = 'training'): TrainingBar {
  const bar = progressBar(isWanted)
  const timeLeft = new TimeLeft()
  const note = new TrainingNote()
  let isStarted = false
  return {
    listener: (done, total, latest) => {
      if (!isStarted) bar.start(total, title)
      isStarted = true
      const seconds = timeLeft.update(done, total, performance.now() / 1000)
      const left = seconds === undefined ? 'estimating' : `${timeText(seconds)} left`
      bar.update(done, total, `${left}  ${note.update(latest)}  step ${integer(done)} of ${integer(total)}`)
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
