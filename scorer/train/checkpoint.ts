import { open, readFile, rename } from 'node:fs/promises'
import { ResumeError } from '../errors.js'
import { layOut } from '../model/parameters.js'
import { readMetadata, readSafetensors, writeSafetensors } from '../safetensors.js'
import type { OptimizerState } from './optimizer.js'

/** The state of a training between two runs. */
export interface Checkpoint<Position> {
  /** Where it stands, as JSON keeps it. */
  readonly position: Position
  readonly optimizer: OptimizerState
  /** The best parameters so far, where such are kept and there are any. */
  readonly best?: Float32Array | undefined
}

/** A file that keeps a training's state, and when it is to be written. */
export interface CheckpointFile {
  readonly path: string
  readonly everySeconds: number
}

const STATE = 'logneo'
const VECTORS = ['parameters', 'firstMoments', 'secondMoments', 'best']

/** Replaces the file in one go: a kill in between leaves the one before. */
export async function writeCheckpoint<Position>(
  path: string,
  { position, optimizer, best }: Checkpoint<Position>,
): Promise<void> {
  const { numSteps, parameters, firstMoments, secondMoments } = optimizer
  const vectors = [parameters, firstMoments, secondMoments, ...(best === undefined ? [] : [best])]
  const state = JSON.stringify({ position, numSteps, numVectors: vectors.length })
  const fresh = `${path}.new`
  const handle = await open(fresh, 'w')
  try {
    const layout = vectorLayout(vectors.length, parameters.length)
    for (const piece of writeSafetensors(layout, vectors, { [STATE]: state })) await handle.writeFile(piece)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(fresh, path)
}

/**
 * @param size of each vector
 * @returns undefined if there is no such file @throws ResumeError if it is damaged
 */
export async function readCheckpoint<Position>(
  path: string,
  size: number,
): Promise<Checkpoint<Position> | undefined> {
  const file = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return undefined
  try {
    const { position, numSteps, numVectors } = JSON.parse(String(readMetadata(file)[STATE])) as {
      position: Position
      numSteps: number
      numVectors: number
    }
    const flat = readSafetensors(file, vectorLayout(numVectors, size))
    const [parameters, firstMoments, secondMoments, best] = VECTORS.slice(0, numVectors).map((_, i) =>
      flat.subarray(i * size, (i + 1) * size),
    ) as [Float32Array, Float32Array, Float32Array, Float32Array | undefined]
    return { position, optimizer: { numSteps, parameters, firstMoments, secondMoments }, best }
  } catch (cause) {
    throw new ResumeError(`the checkpoint ${path} is damaged; remove it and train again`, cause)
  }
}

function vectorLayout(count: number, size: number) {
  return layOut(VECTORS.slice(0, count).map(name => [name, [size]] as const))
}
