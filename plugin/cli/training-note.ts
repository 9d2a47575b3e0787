import type { TaskProgress } from '../../scorer/train/fit-pool.js'
import { percent } from '../report/html.js'

/** Share by which a step's figure moves the one shown: batches differ. */
const SMOOTHING = 0.05

/**
 * Says how good the model is whose training began last; several are trained, two at a time: its loss and, in reinforcement, its reward; and on
 * sessions held out, if the model has such, the loss and how often a key is not among the K likeliest.
 */
export class TrainingNote {
  #task = -1
  #loss: number | undefined
  #reward: number | undefined
  #heldOut: number | undefined
  #missRate: number | undefined

  update(progress: TaskProgress): string {
    const { task, numTasks } = progress
    if (task > this.#task) this.#begin(task)
    if (task === this.#task) this.#note(progress)
    return `model ${this.#task + 1} of ${numTasks}: ${this.#figures().join(', ')}`
  }

  #begin(task: number): void {
    this.#task = task
    this.#loss = this.#reward = this.#heldOut = this.#missRate = undefined
  }

  #note({ loss, reward, validationLoss, topKMissRate }: TaskProgress): void {
    this.#loss = smoothed(this.#loss, loss)
    if (reward !== undefined) this.#reward = smoothed(this.#reward, reward)
    // What reinforcement changed is not what the last epoch was held against.
    this.#heldOut = reward === undefined ? (validationLoss ?? this.#heldOut) : undefined
    this.#missRate = topKMissRate ?? this.#missRate
  }

  #figures(): string[] {
    const heldOut = this.#heldOut === undefined ? [] : [`held out ${this.#heldOut.toFixed(3)}`]
    return [
      `loss ${this.#loss!.toFixed(3)}`,
      ...(this.#reward === undefined ? [] : [`reward ${this.#reward.toFixed(3)}`]),
      ...heldOut,
      ...(this.#missRate === undefined ? [] : [`missed ${percent(this.#missRate)}`]),
    ]
  }
}

function smoothed(before: number | undefined, latest: number): number {
  return before === undefined ? latest : before + SMOOTHING * (latest - before)
}
