import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { TrainReply } from './train-process.js'
import type { Training, TrainJob } from './training.js'

/** Trains in a process of its own, which gives way to everything else on the machine. */
export function trainApart(job: TrainJob): Training {
  const child = fork(fileURLToPath(new URL('./train-process.js', import.meta.url)), {
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const done = new Promise<string>((resolve, reject) => {
    child.on('message', (reply: TrainReply) => {
      if ('id' in reply) resolve(reply.id)
      else reject(new Error(reply.error))
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => reject(new Error(`the training process ended (${signal ?? code})`)))
  })
  child.send(job)
  return { done, stop: () => void child.kill() }
}
