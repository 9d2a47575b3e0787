import { z } from 'zod'

const stepSchema = z.object({
  step: z.number(),
  reward: z.number(),
  approxKl: z.number().optional(),
  entropy: z.number().optional(),
  topKMissRate: z.number().optional(),
})

const reinforcementSchema = z.object({ method: z.string(), steps: z.array(stepSchema).min(1) })

/** How training by reinforcement went, step by step. */
export type Reinforcement = z.infer<typeof reinforcementSchema>

/** The record that training by reinforcement left, if it ran and left one that can be read. */
export function reinforcementOf(training: object): Reinforcement | undefined {
  return reinforcementSchema.safeParse((training as { reinforcement?: unknown }).reinforcement).data
}
