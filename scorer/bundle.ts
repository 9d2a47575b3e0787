import { resolve } from 'node:path'
import { type Contents, digestOf, refuseForeign, replaceDirectory, sha256 } from './bundle-directory.js'
import { parseFile, readVerified } from './bundle-files.js'
import {
  BUNDLE_FORMAT,
  BUNDLE_VERSION,
  damaged,
  MANIFEST_FILE,
  type Manifest,
  readManifest,
} from './bundle-manifest.js'
import { CompositionStatistics, compositionSchema } from './composition/statistics.js'
import { parameterLayout } from './model/parameters.js'
import { sequenceGraph } from './model/sequence-graph.js'
import { stepGraph } from './model/step-graph.js'
import { readSafetensors, writeSafetensors } from './safetensors.js'
import type { TrainedModel } from './trained-model.js'
import { Transitions, transitionsSchema } from './transitions.js'
import { validationSchema } from './validation.js'
import { Vocabulary } from './vocabulary.js'

const WEIGHTS_FILE = 'weights.safetensors'
/** Graphs for other programs: here they are made anew from config and weights, in the precision that is wanted. */
const STEP_FILE = 'step.onnx'
const SEQUENCE_FILE = 'sequence.onnx'
const COMPOSITION_FILE = 'composition.json'
const TRANSITIONS_FILE = 'transitions.json'
const VALIDATION_FILE = 'validation.json'

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
    [TRANSITIONS_FILE]: json(model.transitions.toTable()),
    [VALIDATION_FILE]: json(model.validation),
    [STEP_FILE]: stepGraph(model.config),
    [SEQUENCE_FILE]: sequenceGraph(model.config),
  }
  const digests = digestsOf(files)
  const id = sha256(Buffer.from(JSON.stringify([digests, model.vocabulary.keys]))).slice(0, 12)
  const documents = extras.documents?.(id) ?? {}
  const manifest: Manifest = {
    format: BUNDLE_FORMAT,
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
  const manifest = await readManifest(path)
  if (manifest.vocabulary.length + 4 !== manifest.model.vocabularySize)
    throw damaged(path, 'vocabulary and model disagree')
  const files: Record<string, Buffer> = {}
  for (const [name, { sha256: digest, bytes, isDocument }] of Object.entries(manifest.files)) {
    if (isDocument !== true) files[name] = await readVerified(path, name, digest, bytes)
  }
  const {
    [WEIGHTS_FILE]: weights,
    [COMPOSITION_FILE]: composition,
    [TRANSITIONS_FILE]: transitions,
    [VALIDATION_FILE]: validation,
    [STEP_FILE]: step,
    [SEQUENCE_FILE]: sequence,
    ...rest
  } = files
  if (weights === undefined || step === undefined || sequence === undefined)
    throw damaged(path, 'a file is not listed')
  const table = parseFile(path, COMPOSITION_FILE, composition, compositionSchema)
  const { vocabularySize } = manifest.model
  if (table.counts.length !== vocabularySize) throw damaged(path, 'vocabulary and composition disagree')
  const rows = parseFile(path, TRANSITIONS_FILE, transitions, transitionsSchema)
  if (!Transitions.isTable(rows, vocabularySize)) throw damaged(path, 'vocabulary and transitions disagree')
  return {
    id: manifest.id,
    config: manifest.model,
    parameters: readSafetensors(weights, parameterLayout(manifest.model)),
    vocabulary: new Vocabulary(manifest.vocabulary),
    composition: CompositionStatistics.fromTable(table),
    transitions: Transitions.fromTable(rows, vocabularySize),
    validation: parseFile(path, VALIDATION_FILE, validation, validationSchema),
    unknownSurprise: manifest.unknownSurprise,
    training: manifest.training,
    extras: { files: rest, preprocessing: manifest.preprocessing },
  }
}

/** The id of the bundle at `path`, whose files are not looked at. @throws BundleError */
export async function readBundleId(path: string): Promise<string> {
  return (await readManifest(path)).id
}

function json(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}
