import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { BundleError } from './errors.js'
import { parameterLayout } from './model/parameters.js'
import { sequenceGraph } from './model/sequence-graph.js'
import { stepGraph } from './model/step-graph.js'
import { readSafetensors, writeSafetensors } from './safetensors.js'
import type { TrainedModel } from './trained-model.js'
import { Vocabulary } from './vocabulary.js'

const FORMAT = 'logneo-bundle'
const VERSION = 1
const WEIGHTS_FILE = 'weights.safetensors'
const MANIFEST_FILE = 'manifest.json'
const MAX_FILE_BYTES = 16 * 2 ** 30
const MAX_MANIFEST_BYTES = 256 * 2 ** 20

/** What a bundle holds beside the model, owned by whoever made it: files by name, and JSON kept in the manifest. */
export interface BundleExtras {
  readonly files: Readonly<Record<string, Uint8Array>>
  readonly preprocessing: unknown
}

/** A loaded bundle. `id` is derived from its contents. */
export interface Bundle extends Omit<TrainedModel, 'training'> {
  readonly id: string
  readonly training: Record<string, unknown>
  readonly extras: BundleExtras
  /** Serialised graphs: one step with cache, whole sequences. */
  readonly graphs: { readonly step: Uint8Array; readonly sequence: Uint8Array }
}

/** A file's bytes, whole or in pieces. */
type Contents = Uint8Array | readonly Uint8Array[]

const positive = z
  .number()
  .int()
  .positive()
  .max(2 ** 31)
const finite = z.number().refine(Number.isFinite)

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  id: z.string().min(1).max(64),
  createdBy: z.string(),
  files: z.record(
    z.string().regex(/^[\w][\w.-]{0,100}$/),
    z.object({ sha256: z.string(), bytes: z.number().int().nonnegative() }),
  ),
  model: z.object({
    vocabularySize: positive,
    hiddenSize: positive,
    numLayers: positive,
    numHeads: positive,
    intermediateSize: positive,
    contextLength: positive,
    windowSize: positive,
    layerNormEpsilon: z.number().positive(),
  }),
  vocabulary: z.array(z.string()),
  calibration: z.object({
    numSessions: positive,
    pValues: z.array(z.number().positive().max(1)).min(1),
    tail: z.object({
      start: z.number().nonnegative(),
      share: z.number().positive().max(1),
      scale: z.number().positive(),
    }),
    maxRanks: z.array(finite).min(1),
  }),
  unknownSurprise: finite,
  training: z.record(z.string(), z.unknown()),
  preprocessing: z.unknown(),
})

type Manifest = z.infer<typeof manifestSchema>

/**
 * Writes a bundle as the directory `path`, all or nothing: an older bundle there is replaced only once the new one is complete.
 * @returns the bundle's id @throws BundleError if something else is at `path`
 */
export async function writeBundle(path: string, model: TrainedModel, extras: BundleExtras): Promise<string> {
  await refuseForeign(path)
  const layout = parameterLayout(model.config)
  const files: Record<string, Contents> = {
    ...extras.files,
    [WEIGHTS_FILE]: writeSafetensors(layout, [model.parameters]),
    'step.onnx': stepGraph(model.config),
    'sequence.onnx': sequenceGraph(model.config),
  }
  const digests = Object.fromEntries(
    Object.entries(files).map(([name, contents]) => [name, digestOf(contents)]),
  )
  const id = sha256(Buffer.from(JSON.stringify([digests, model.vocabulary.keys, model.calibration]))).slice(
    0,
    12,
  )
  const manifest: Manifest = {
    format: FORMAT,
    version: VERSION,
    id,
    createdBy: 'logneo',
    files: digests,
    model: { ...model.config },
    vocabulary: [...model.vocabulary.keys],
    calibration: {
      ...model.calibration,
      pValues: [...model.calibration.pValues],
      maxRanks: [...model.calibration.maxRanks],
    },
    unknownSurprise: model.unknownSurprise,
    training: { ...model.training },
    preprocessing: extras.preprocessing,
  }
  files[MANIFEST_FILE] = Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`)
  await replaceDirectory(resolve(path), files)
  return id
}

/** Reads and verifies a bundle. @throws BundleError saying what is wrong and what to do */
export async function readBundle(path: string): Promise<Bundle> {
  const manifest = parseManifest(path, await readManifest(path))
  if (manifest.vocabulary.length + 4 !== manifest.model.vocabularySize)
    throw damaged(path, 'vocabulary and model disagree')
  const files: Record<string, Buffer> = {}
  for (const [name, { sha256: digest, bytes }] of Object.entries(manifest.files)) {
    files[name] = await readVerified(path, name, digest, bytes)
  }
  const { [WEIGHTS_FILE]: weights, 'step.onnx': step, 'sequence.onnx': sequence, ...rest } = files
  if (weights === undefined || step === undefined || sequence === undefined)
    throw damaged(path, 'a file is not listed')
  return {
    id: manifest.id,
    config: manifest.model,
    parameters: readSafetensors(weights, parameterLayout(manifest.model)),
    vocabulary: new Vocabulary(manifest.vocabulary),
    calibration: manifest.calibration,
    unknownSurprise: manifest.unknownSurprise,
    training: manifest.training,
    extras: { files: rest, preprocessing: manifest.preprocessing },
    graphs: { step, sequence },
  }
}

async function readManifest(path: string): Promise<string> {
  const file = join(path, MANIFEST_FILE)
  try {
    if ((await stat(file)).size > MAX_MANIFEST_BYTES) throw damaged(path, 'its manifest is too large')
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (cause instanceof BundleError) throw cause
    throw new BundleError(
      `no model bundle at ${path} (${MANIFEST_FILE} cannot be read); make one with: logneo train`,
      cause,
    )
  }
}

function parseManifest(path: string, text: string): Manifest {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw damaged(path, 'its manifest is not JSON', cause)
  }
  const { format, version } = (json ?? {}) as { format?: unknown; version?: unknown }
  if (format === FORMAT && typeof version === 'number' && version > VERSION) {
    throw new BundleError(
      `the model bundle at ${path} has format version ${version}, this logneo reads up to ${VERSION}; update logneo or train again`,
    )
  }
  const parsed = manifestSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const { path: where, message } = parsed.error.issues[0]!
  throw damaged(path, `manifest.${where.join('.')}: ${message}`)
}

async function readVerified(path: string, name: string, digest: string, bytes: number): Promise<Buffer> {
  const file = join(path, name)
  let contents: Buffer
  try {
    const { size } = await stat(file)
    if (size !== bytes || size > MAX_FILE_BYTES)
      throw damaged(path, `${name} has ${size} bytes instead of ${bytes}`)
    contents = await readFile(file)
  } catch (cause) {
    if (cause instanceof BundleError) throw cause
    throw damaged(path, `${name} is missing`, cause)
  }
  if (sha256(contents) !== digest) throw damaged(path, `${name} does not match its checksum`)
  return contents
}

function damaged(path: string, what: string, cause?: unknown): BundleError {
  return new BundleError(
    `the model bundle at ${path} is damaged: ${what}; copy it again or train again`,
    cause,
  )
}

/** @throws BundleError if a model bundle cannot go to `path` because something else is there */
export async function refuseForeign(path: string): Promise<void> {
  const entries: string[] = await readdir(path).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw new BundleError(
      `cannot write a model bundle to ${path}: ${error.message}; choose another --out`,
      error,
    )
  })
  if (entries.length > 0 && !entries.includes(MANIFEST_FILE)) {
    throw new BundleError(`${path} holds something else than a model bundle; choose another --out`)
  }
}

/** What a run that was killed left under the same names goes first; where a step fails, the older bundle is put back. */
async function replaceDirectory(path: string, files: Readonly<Record<string, Contents>>): Promise<void> {
  const fresh = `${path}.new-${process.pid}`
  const old = `${path}.old-${process.pid}`
  try {
    await rm(fresh, { recursive: true, force: true })
    await rm(old, { recursive: true, force: true })
    await writeFiles(fresh, files)
    const isReplaced = await exists(path)
    if (isReplaced) await rename(path, old)
    await rename(fresh, path).catch(async error => {
      if (isReplaced) await rename(old, path)
      throw error
    })
    await rm(old, { recursive: true, force: true })
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true }).catch(() => {})
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new BundleError(
      `cannot write a model bundle to ${path}: ${reason}; make room there or choose another --out`,
      cause,
    )
  }
}

async function writeFiles(path: string, files: Readonly<Record<string, Contents>>): Promise<void> {
  await mkdir(path, { recursive: true })
  for (const [name, contents] of Object.entries(files)) {
    const handle = await open(join(path, name), 'w')
    try {
      for (const piece of pieces(contents)) await handle.writeFile(piece)
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function pieces(contents: Contents): readonly Uint8Array[] {
  return contents instanceof Uint8Array ? [contents] : contents
}

function digestOf(contents: Contents): Manifest['files'][string] {
  const bytes = pieces(contents).reduce((sum, piece) => sum + piece.byteLength, 0)
  return { sha256: sha256(contents), bytes }
}

function sha256(contents: Contents): string {
  const hash = createHash('sha256')
  for (const piece of pieces(contents)) hash.update(piece)
  return hash.digest('hex')
}
