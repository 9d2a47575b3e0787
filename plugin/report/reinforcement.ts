import { z } from 'zod'

const stepSchema = z.object({ step: z.number(), reward: z.number(), topKMissRate: z.number().optional() })
const recordSchema = z.object({ steps: z.array(stepSchema).min(1) })
const trainingSchema = z.object({
  options: z.object({ reinforcement: z.object({ reward: z.string() }) }),
  reinforcement: z.object({ model: recordSchema, folds: z.array(recordSchema) }),
})

/** How training by reinforcement went, step by step. */
export interface Reinforcement {
  /** What was rewarded. */
  readonly method: string
  /** Of the model kept, and of those that calibration rests on, which alone have sessions held out. */
  readonly model: z.infer<typeof recordSchema>
  readonly folds: readonly z.infer<typeof recordSchema>[]
}

/** The record that training by reinforcement left, if it ran and left one that can be read. */
export function reinforcementOf(training: object): Reinforcement | undefined {
  const { data } = trainingSchema.safeParse(training)
  return data && { method: data.options.reinforcement.reward, ...data.reinforcement }
}
