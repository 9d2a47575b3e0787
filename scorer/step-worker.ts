import { parentPort } from 'node:worker_threads'
import { ProviderError } from './errors.js'
import { StepEngine, type StepEngineData } from './step-engine.js'
import { STOP, type StepReply, type StepRequest, type StepStart } from './step-message.js'

/*
 * The first message says what the engine is made of: as a message, and not as the thread's own data, it is freed once the runtime has it. The
 * others are batches, run one at a time and in order: a later one may build on cache rows that an earlier one writes.
 */
const port = parentPort!
let turn: Promise<StepEngine | undefined> | undefined
let isStopping = false
port.on('message', (message: StepEngineData | StepRequest | typeof STOP) => {
  if (message === STOP) {
    isStopping = true
    Promise.resolve(turn).then(() => port.close())
  } else if ('config' in message) turn = start(message)
  else turn = turn!.then(engine => engine && serve(engine, message))
})

async function start(data: StepEngineData): Promise<StepEngine | undefined> {
  try {
    const engine = await StepEngine.create(data)
    port.postMessage({ isReady: true } satisfies StepStart)
    return engine
  } catch (error) {
    port.postMessage({
      isReady: false,
      message: messageOf(error),
      ...(error instanceof ProviderError && { providerReason: error.reason }),
    } satisfies StepStart)
    // Not thrown: an error may overtake the message.
    port.close()
    return undefined
  }
}

async function serve(engine: StepEngine, { id, ...batch }: StepRequest): Promise<StepEngine> {
  if (isStopping) return engine
  try {
    const logProbabilities = await engine.run(batch)
    port.postMessage({ id, logProbabilities } satisfies StepReply, [logProbabilities.buffer as ArrayBuffer])
  } catch (error) {
    port.postMessage({ id, error: messageOf(error) } satisfies StepReply)
  }
  return engine
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
