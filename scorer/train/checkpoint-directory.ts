import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ResumeError } from '../errors.js'
import type { CheckpointFile } from './checkpoint.js'
import { type CheckpointOptions, DEFAULT_CHECKPOINT_SECONDS, type TrainOptions } from './options.js'
import type { KeySequence } from './train.js'

const VERSION = 2
const INDEX_FILE = 'checkpoint.json'

/** Files of one task: what reinforcement comes to is kept beside what it began with. */
const FILES = {
  likelihood: (task: number) => `task-${task}.safetensors`,
  reinforcement: (task: number) => `task-${task}-rl.safetensors`,
}

export type TaskCheckpoint = Readonly<Record<keyof typeof FILES, CheckpointFile>>

/** What a checkpoint belongs to. A training goes on only with the same. */
interface Owner {
  readonly version: number
  readonly options: Readonly<Record<string, unknown>>
  readonly dataSha256: string
  readonly numTasks: number
}

/**
 * Opens the directory that keeps a training's state: `checkpoint.json` says what it belongs to, and each task (the model kept, then the folds)
 * has files of its own.
 * @returns the files of each task @throws ResumeError if the directory holds another training, or one that was not to be resumed
 */
export async function openCheckpoint(
  { directory, everySeconds = DEFAULT_CHECKPOINT_SECONDS, resume = false }: CheckpointOptions,
  options: TrainOptions & { readonly origin: unknown },
  sequences: readonly KeySequence[],
  numTasks: number,
): Promise<TaskCheckpoint[]> {
  const owner: Owner = {
    version: VERSION,
    options: lasting(options),
    dataSha256: digest(sequences),
    numTasks,
  }
  const found = await readOwner(directory)
  if (found !== undefined && !resume) {
    throw new ResumeError(
      `${directory} holds the checkpoint of a training that was interrupted; go on with --resume, or remove it`,
    )
  }
  if (found === undefined) await writeOwner(directory, owner)
  else refuseOther(directory, found, owner)
  const fileOf = (name: string): CheckpointFile => ({ path: join(directory, name), everySeconds })
  return Array.from({ length: numTasks }, (_, task) => ({
    likelihood: fileOf(FILES.likelihood(task)),
    reinforcement: fileOf(FILES.reinforcement(task)),
  }))
}

/** Removes a checkpoint whose training is done, and the directory if nothing else is in it. */
export async function removeCheckpoint(directory: string): Promise<void> {
  const owner = await readOwner(directory)
  if (owner === undefined) return
  // The index goes last: while it is there, what is left can be resumed or removed again.
  for (let task = 0; task < owner.numTasks; task++) {
    for (const nameOf of Object.values(FILES)) await rm(join(directory, nameOf(task)), { force: true })
  }
  await rm(join(directory, INDEX_FILE), { force: true })
  await rmdir(directory).catch(() => {})
}

/** The options that the result depends on. Time left and place on disk may change from one run to the next. */
function lasting(options: TrainOptions & { readonly origin: unknown }): Record<string, unknown> {
  const { checkpoint: _, timeBudgetSeconds: __, init: ___, ...others } = options
  return JSON.parse(JSON.stringify(others)) as Record<string, unknown>
}

function digest(sequences: readonly KeySequence[]): string {
  const hash = createHash('sha256')
  for (const { keys, ended } of sequences) hash.update(`${JSON.stringify([keys, ended])}\n`)
  return hash.digest('hex')
}

async function readOwner(directory: string): Promise<Owner | undefined> {
  const text = await readFile(join(directory, INDEX_FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new ResumeError(`cannot read a checkpoint in ${directory}: ${error.message}`, error)
  })
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Owner
  } catch (cause) {
    throw new ResumeError(`the checkpoint in ${directory} is damaged; remove it and train again`, cause)
  }
}

async function writeOwner(directory: string, owner: Owner): Promise<void> {
  const file = join(directory, INDEX_FILE)
  try {
    await mkdir(directory, { recursive: true })
    await writeFile(`${file}.new`, `${JSON.stringify(owner, undefined, 1)}\n`)
    await rename(`${file}.new`, file)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ResumeError(
      `cannot keep a checkpoint in ${directory}: ${reason}; choose another directory`,
      cause,
    )
  }
}

/** @throws ResumeError naming what is different */
function refuseOther(directory: string, found: Owner, wanted: Owner): void {
  if (found.version !== wanted.version)
    throw new ResumeError(`the checkpoint in ${directory} is of another version of logneo; remove it`)
  const names = new Set([...Object.keys(found.options), ...Object.keys(wanted.options)])
  const changed = [...names].flatMap(name => {
    const [before, now] = [found.options[name], wanted.options[name]].map(value => JSON.stringify(value))
    return before === now ? [] : [`${name} was ${before}, now ${now}`]
  })
  if (found.dataSha256 !== wanted.dataSha256) changed.push('the sessions are others')
  if (changed.length === 0) return
  throw new ResumeError(
    `the checkpoint in ${directory} is of another training (${changed.join('; ')}); resume it with what it began with, or remove it`,
  )
}
