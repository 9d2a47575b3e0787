import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { CompositionStatistics, compositionSchema } from './composition/statistics.js'
import { BundleError } from './errors.js'
import { parameterLayout } from './model/parameters.js'
import { sequenceGraph } from './model/sequence-graph.js'
import { stepGraph } from './model/step-graph.js'
import { readSafetensors, writeSafetensors } from './safetensors.js'
import type { TrainedModel } from './trained-model.js'
import { validationSchema } from './validation.js'
import { Vocabulary } from './vocabulary.js'

const FORMAT = 'logneo-bundle'
/** Version of the format that this program writes, and the newest it reads. */
export const BUNDLE_VERSION = 3
const WEIGHTS_FILE = 'weights.safetensors'
/** Graphs for other programs: here they are made anew from config and weights, in the precision that is wanted. */
const STEP_FILE = 'step.onnx'
const SEQUENCE_FILE = 'sequence.onnx'
const MANIFEST_FILE = 'manifest.json'
const COMPOSITION_FILE = 'composition.json'
const VALIDATION_FILE = 'validation.json'
const MAX_FILE_BYTES = 16 * 2 ** 30
const MAX_MANIFEST_BYTES = 256 * 2 ** 20

/** What a bundle holds beside the model, owned by whoever made it: files by name, and JSON kept in the manifest. */
export interface BundleExtras {
  readonly files: Readonly<Record<string, Uint8Array>>
  readonly preprocessing: unknown
  /** Files for people, made once the id is known. They count for nothing: the id does not depend on them, and they may be deleted. */
  readonly documents?: (id: string) => Readonly<Record<string, Uint8Array>>
}

/** A loaded bundle. `id` is derived from its contents. */
export interface Bundle extends Omit<TrainedModel, 'training' | 'details'> {
  readonly id: string
  readonly training: Record<string, unknown>
  readonly extras: BundleExtras
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
  version: z.literal(BUNDLE_VERSION),
  id: z.string().min(1).max(64),
  createdBy: z.string(),
  files: z.record(
    z.string().regex(/^[\w][\w.-]{0,100}$/),
    z.object({
      sha256: z.string(),
      bytes: z.number().int().nonnegative(),
      isDocument: z.boolean().optional(),
    }),
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
    [COMPOSITION_FILE]: json(model.composition.toTable()),
    [VALIDATION_FILE]: json(model.validation),
    [STEP_FILE]: stepGraph(model.config),
    [SEQUENCE_FILE]: sequenceGraph(model.config),
  }
  const digests = digestsOf(files)
  const id = sha256(Buffer.from(JSON.stringify([digests, model.vocabulary.keys]))).slice(0, 12)
  const documents = extras.documents?.(id) ?? {}
  const manifest: Manifest = {
    format: FORMAT,
    version: BUNDLE_VERSION,
    id,
    createdBy: 'logneo',
    files: { ...digests, ...digestsOf(documents, { isDocument: true }) },
    model: { ...model.config },
    vocabulary: [...model.vocabulary.keys],
    unknownSurprise: model.unknownSurprise,
    training: { ...model.training },
    preprocessing: extras.preprocessing,
  }
  files[MANIFEST_FILE] = Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`)
  await replaceDirectory(resolve(path), { ...documents, ...files })
  return id
}

function digestsOf(files: Readonly<Record<string, Contents>>, marks: object = {}): Manifest['files'] {
  return Object.fromEntries(
    Object.entries(files).map(([name, contents]) => [name, { ...digestOf(contents), ...marks }]),
  )
}

/** Reads and verifies a bundle. @throws BundleError saying what is wrong and what to do */
export async function readBundle(path: string): Promise<Bundle> {
  const manifest = parseManifest(path, await readManifest(path))
  if (manifest.vocabulary.length + 4 !== manifest.model.vocabularySize)
    throw damaged(path, 'vocabulary and model disagree')
  const files: Record<string, Buffer> = {}
  for (const [name, { sha256: digest, bytes, isDocument }] of Object.entries(manifest.files)) {
    if (isDocument !== true) files[name] = await readVerified(path, name, digest, bytes)
  }
  const {
    [WEIGHTS_FILE]: weights,
    [COMPOSITION_FILE]: composition,
    [VALIDATION_FILE]: validation,
    [STEP_FILE]: step,
    [SEQUENCE_FILE]: sequence,
    ...rest
  } = files
  if (weights === undefined || step === undefined || sequence === undefined)
    throw damaged(path, 'a file is not listed')
  const table = parseFile(path, COMPOSITION_FILE, composition, compositionSchema)
  if (table.counts.length !== manifest.model.vocabularySize)
    throw damaged(path, 'vocabulary and composition disagree')
  return {
    id: manifest.id,
    config: manifest.model,
    parameters: readSafetensors(weights, parameterLayout(manifest.model)),
    vocabulary: new Vocabulary(manifest.vocabulary),
    composition: CompositionStatistics.fromTable(table),
    validation: parseFile(path, VALIDATION_FILE, validation, validationSchema),
    unknownSurprise: manifest.unknownSurprise,
    training: manifest.training,
    extras: { files: rest, preprocessing: manifest.preprocessing },
  }
}

/** The id of the bundle at `path`, whose files are not looked at. @throws BundleError */
export async function readBundleId(path: string): Promise<string> {
  return parseManifest(path, await readManifest(path)).id
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
  if (format === FORMAT && typeof version === 'number' && version > BUNDLE_VERSION) {
    throw new BundleError(
      `the model bundle at ${path} has format version ${version}, this logneo reads up to ${BUNDLE_VERSION}; update logneo or train again`,
    )
  }
  if (format === FORMAT && typeof version === 'number' && version < BUNDLE_VERSION) {
    throw new BundleError(
      `the model bundle at ${path} has format version ${version} and this logneo reads ${BUNDLE_VERSION}; train again`,
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

function parseFile<T>(path: string, name: string, bytes: Buffer | undefined, schema: z.ZodType<T>): T {
  if (bytes === undefined) throw damaged(path, `${name} is not listed`)
  let json: unknown
  try {
    json = JSON.parse(bytes.toString())
  } catch (cause) {
    throw damaged(path, `${name} is not JSON`, cause)
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const { path: where, message } = parsed.error.issues[0]!
  throw damaged(path, `${name}: ${where.join('.')}: ${message}`)
}

function json(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`)
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
