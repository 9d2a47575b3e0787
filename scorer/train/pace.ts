/** How much of the time left is not planned with: steps take a little longer now and then, and the result has to be handed on. */
const MARGIN = 0.05

/** How long a run of a few steps is to take: often enough for progress and clock, seldom enough that its overhead does not count. */
const RUN_MS = 250
const MAX_STEPS_PER_RUN = 16

/**
 * Measures steps and validations, and says how many steps fit into the time there is. Asked again after every run, so that a machine that
 * becomes slower makes the training shorter, not late.
 */
export class Pace {
  #stepMs = 0
  #numSteps = 0
  #validationMs: number | undefined

  /**
   * @param deadlineMs when training must be over, on the clock `now`; infinity if there is no such time
   * @param validationSteps how many steps a validation costs, by estimate, until one was measured
   */
  constructor(
    readonly deadlineMs: number,
    readonly validationSteps: number,
    readonly now: () => number = Date.now,
  ) {}

  /** Does `work`, which is `numSteps` steps, and measures it. */
  async measureSteps<T>(numSteps: number, work: () => Promise<T>): Promise<T> {
    const started = this.now()
    const result = await work()
    this.#stepMs += this.now() - started
    this.#numSteps += numSteps
    return result
  }

  async measureValidation<T>(work: () => Promise<T>): Promise<T> {
    const started = this.now()
    const result = await work()
    this.#validationMs = this.now() - started
    return result
  }

  /** Steps for the next run: one until some were measured. */
  get stepsPerRun(): number {
    if (this.#numSteps === 0) return 1
    return Math.min(MAX_STEPS_PER_RUN, Math.max(1, Math.floor(RUN_MS / this.#msPerStep)))
  }

  /** How many more steps there is time for; two validations, the last of training and that which calibrates, must fit in too. */
  stepsThatFit(stepsPerEpoch: number): number {
    if (this.deadlineMs === Number.POSITIVE_INFINITY || this.#numSteps === 0) return Number.POSITIVE_INFINITY
    const validationMs = this.#validationMs ?? this.validationSteps * this.#msPerStep
    const left = (this.deadlineMs - this.now()) * (1 - MARGIN) - 2 * validationMs
    return Math.max(0, Math.floor(left / (this.#msPerStep + validationMs / stepsPerEpoch)))
  }

  /** Whether the time is over. */
  get isOver(): boolean {
    return this.now() >= this.deadlineMs
  }

  get #msPerStep(): number {
    return Math.max(this.#stepMs / this.#numSteps, 1e-3)
  }
}
