import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { BundleError } from './errors.js'

export const BUNDLE_FORMAT = 'logneo-bundle'
/** Version of the format that this program writes, and the newest it reads. */
export const BUNDLE_VERSION = 5
/** By this file a directory is known to be a bundle. */
export const MANIFEST_FILE = 'manifest.json'
const MAX_MANIFEST_BYTES = 256 * 2 ** 20

const positive = z
  .number()
  .int()
  .positive()
  .max(2 ** 31)
const finite = z.number().refine(Number.isFinite)

const manifestSchema = z.object({
  format: z.literal(BUNDLE_FORMAT),
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

export type Manifest = z.infer<typeof manifestSchema>

/** @throws BundleError if there is none, or none that this program reads */
export async function readManifest(path: string): Promise<Manifest> {
  return parseManifest(path, await readText(path))
}

async function readText(path: string): Promise<string> {
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
  if (format === BUNDLE_FORMAT && typeof version === 'number' && version > BUNDLE_VERSION) {
    throw new BundleError(
      `the model bundle at ${path} has format version ${version}, this logneo reads up to ${BUNDLE_VERSION}; update logneo or train again`,
    )
  }
  if (format === BUNDLE_FORMAT && typeof version === 'number' && version < BUNDLE_VERSION) {
    throw new BundleError(
      `the model bundle at ${path} has format version ${version} and this logneo reads ${BUNDLE_VERSION}; train again`,
    )
  }
  const parsed = manifestSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const { path: where, message } = parsed.error.issues[0]!
  throw damaged(path, `manifest.${where.join('.')}: ${message}`)
}

export function damaged(path: string, what: string, cause?: unknown): BundleError {
  return new BundleError(
    `the model bundle at ${path} is damaged: ${what}; copy it again or train again`,
    cause,
  )
}
