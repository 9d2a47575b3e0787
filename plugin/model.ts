import { readdir } from 'node:fs/promises'
import { Drain } from '../drain/drain.js'
import { type Bundle, type BundleExtras, readBundle, writeBundle } from '../scorer/bundle.js'
import { BundleError } from '../scorer/errors.js'
import type { TrainedModel } from '../scorer/trained-model.js'
import { type HabitTable, habitSchema } from './habits/habit-table.js'
import { type LineRules, lineRulesSchema } from './line-rules.js'

const DRAIN_FILE = 'drain.json'
const HABITS_FILE = 'habits.json'

/** What training learnt of reading lines. */
export interface LineModel {
  readonly drain: Drain
  readonly rules: LineRules
  readonly habits: HabitTable
}

/** A bundle with all that a stage needs; `lines` is missing in models trained on key sequences alone. */
export interface Model {
  readonly bundle: Bundle
  readonly lines: LineModel | undefined
}

/**
 * Writes a model trained on raw lines, or on key sequences where `lines` is undefined.
 * @param documents as in BundleExtras @returns the bundle's id @throws BundleError
 */
export function writeModel(
  path: string,
  model: TrainedModel,
  lines: Model['lines'],
  documents?: BundleExtras['documents'],
): Promise<string> {
  const files: Record<string, Uint8Array> =
    lines === undefined
      ? {}
      : { [DRAIN_FILE]: json(lines.drain.toSnapshot()), [HABITS_FILE]: json(lines.habits) }
  return writeBundle(path, model, {
    files,
    preprocessing: lines === undefined ? null : lines.rules,
    ...(documents && { documents }),
  })
}

/** Whether a path holds nothing, or an empty directory: a model may be written there. @throws BundleError when it cannot be read */
export async function isNothingAt(path: string): Promise<boolean> {
  const entries = await readdir(path).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw new BundleError(`cannot read ${path}: ${error.message}; mend the path or its permissions`, error)
  })
  return entries.length === 0
}

/** Reads a model. @throws BundleError */
export async function readModel(path: string): Promise<Model> {
  const bundle = await readBundle(path)
  const { files, preprocessing } = bundle.extras
  if (preprocessing === null || preprocessing === undefined) return { bundle, lines: undefined }
  const rules = lineRulesSchema.safeParse(preprocessing)
  const { [DRAIN_FILE]: snapshot, [HABITS_FILE]: habits } = files
  if (!rules.success || snapshot === undefined || habits === undefined) {
    throw new BundleError(
      `the model bundle at ${path} is damaged: it says nothing usable about reading lines; train again`,
    )
  }
  return {
    bundle,
    lines: {
      drain: parsed(path, DRAIN_FILE, snapshot, value => Drain.fromSnapshot(value)),
      rules: rules.data,
      habits: parsed(path, HABITS_FILE, habits, value => habitSchema.parse(value)),
    },
  }
}

function parsed<T>(path: string, file: string, bytes: Uint8Array, read: (value: unknown) => T): T {
  try {
    return read(JSON.parse(Buffer.from(bytes).toString()))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new BundleError(`the model bundle at ${path} is damaged: ${file}: ${reason}`, cause)
  }
}

function json(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}

/** As readModel, for commands that read lines. @throws BundleError also when the model was trained on key sequences */
export async function readLineModel(path: string): Promise<Model & { readonly lines: LineModel }> {
  const { bundle, lines } = await readModel(path)
  if (lines === undefined) {
    throw new BundleError(
      `the model at ${path} was trained on key sequences and cannot read lines; train one on raw lines: logneo train --input FILE`,
    )
  }
  return { bundle, lines }
}
