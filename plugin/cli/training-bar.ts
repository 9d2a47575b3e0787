import type { TaskProgress } from '../../scorer/train/fit-pool.js'
import type { TrainListener } from '../../scorer/train/train.js'
import { duration, integer } from '../report/html.js'
import { progressBar } from './terminal.js'
import { TimeLeft } from './time-left.js'

/** Share by which a step's loss moves the loss shown: batches differ. */
const SMOOTHING = 0.05

export interface TrainingBar {
  readonly listener: TrainListener
  stop(): void
}

/** One line on a terminal that says how far training is, how good it gets, and how long it will take. */
export function trainingBar(isWanted: boolean | undefined, title = 'training'): TrainingBar {
  const bar = progressBar(isWanted)
  const timeLeft = new TimeLeft()
  const losses = new LatestLosses()
  let isStarted = false
  return {
    listener: (done, total, latest) => {
      if (!isStarted) bar.start(total, title)
      isStarted = true
      const seconds = timeLeft.update(done, total, performance.now() / 1000)
      const left = seconds === undefined ? 'estimating' : `${timeText(seconds)} left`
      bar.update(done, total, `${left}  ${losses.update(latest)}  step ${integer(done)} of ${integer(total)}`)
    },
    stop: () => bar.stop(),
  }
}

/** The losses of the model whose training began last; several are trained, two at a time. */
class LatestLosses {
  #task = -1
  #loss = 0
  #heldOut: number | undefined

  update({ task, numTasks, loss, validationLoss }: TaskProgress): string {
    if (task > this.#task) {
      this.#task = task
      this.#loss = loss
      this.#heldOut = undefined
    }
    if (task === this.#task) {
      this.#loss += SMOOTHING * (loss - this.#loss)
      this.#heldOut = validationLoss ?? this.#heldOut
    }
    const heldOut = this.#heldOut === undefined ? '' : `, held out ${this.#heldOut.toFixed(3)}`
    return `model ${this.#task + 1} of ${numTasks}: loss ${this.#loss.toFixed(3)}${heldOut}`
  }
}

/** In whole seconds, above a minute in fives: a figure that jumps about cannot be read. */
function timeText(seconds: number): string {
  if (seconds < 10) return `${Math.ceil(seconds)} s`
  const unit = seconds > 60 ? 5 : 1
  return duration(unit * Math.ceil(seconds / unit))
}
