import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Model, readModel, writeModel } from '../../plugin/model.js'
import type { TrainOptions } from '../../scorer/train/options.js'
import { type KeySequence, train } from '../../scorer/train/train.js'

/**
 * A model of sessions, trained the first time and kept in the system's temporary folder: under a name made from the sessions, the options and
 * the program that trains.
 */
export async function trainedOn(
  sequences: readonly KeySequence[],
  options: TrainOptions,
  lines?: Model['lines'],
): Promise<Model & { readonly path: string }> {
  const hash = createHash('sha256')
    .update(programHash())
    .update(JSON.stringify([options, sequences.map(({ keys, ended, isWhole }) => [keys, ended, isWhole])]))
  if (lines !== undefined) hash.update(JSON.stringify([lines.rules, lines.drain.toSnapshot()]))
  const path = join(tmpdir(), `logneo-results-${hash.digest('hex').slice(0, 16)}`)
  if (!existsSync(join(path, 'manifest.json'))) {
    await writeModel(path, await train(sequences, options), lines)
  }
  return { ...(await readModel(path)), path }
}

let program: string | undefined

/** Of the scorer as built: whatever in it changes, a model may come out otherwise. */
function programHash(): string {
  if (program !== undefined) return program
  const folder = fileURLToPath(new URL('../../scorer/', import.meta.url))
  const hash = createHash('sha256')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.js'),
  )
  for (const name of files.sort()) hash.update(name).update(readFileSync(join(folder, name)))
  program = hash.digest('hex')
  return program
}
