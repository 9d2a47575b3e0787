import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { Drain } from '../../drain/drain.js'
import { train } from '../../scorer/train/train.js'
import { NO_HABITS } from '../habits/habit-table.js'
import { writeModel } from '../model.js'
import type { TrainJob } from './training.js'

/** Sent once, at the end. */
export type TrainReply = { readonly id: string } | { readonly error: string }

/*
 * A process of its own (see train-apart.ts): trains on the job that it is sent first, and writes the bundle. Without its parent it ends.
 */

setPriority(constants.priority.PRIORITY_LOW)
process.on('disconnect', () => process.exit(1))
const [job] = (await once(process, 'message')) as [TrainJob]
const reply = await work(job).catch(
  (error: unknown): TrainReply => ({ error: error instanceof Error ? error.message : String(error) }),
)
process.send!(reply, () => process.exit(0))

async function work({ sessions, drain, rules, path, seed, epochs }: TrainJob): Promise<TrainReply> {
  const model = await train(sessions, { seed, trim: true, ...(epochs !== undefined && { epochs }) })
  return {
    id: await writeModel(path, model, {
      drain: Drain.fromSnapshot(drain),
      rules,
      habits: NO_HABITS,
    }),
  }
}
