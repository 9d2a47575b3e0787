import { mkdir } from 'node:fs/promises'
import { say, UsageError } from '../plugin/cli/terminal.js'
import { machineFacts } from './report.js'
import { batchingSection } from './results/batchings.js'
import { contaminationSection } from './results/contamination.js'
import { writeSection } from './results/document.js'
import { fewSessionsSection } from './results/few-sessions.js'
import { hadoopSection } from './results/hadoop.js'
import { hdfsSections } from './results/hdfs.js'
import { readHdfs } from './results/hdfs-data.js'
import { recordingSections } from './results/recording.js'
import type { Section } from './results/section.js'
import { streamSection } from './results/stream.js'

export interface ResultsOptions {
  /** A folder with train-normal.csv.gz, dev-normal.csv.gz and dev-abnormal.csv.gz. */
  readonly hdfs?: string
  /** Raw lines of HDFS, and labels by block. */
  readonly stream?: string
  readonly streamLabels?: string
  /** A folder with raw/APPLICATION.log.gz and labels.csv. */
  readonly hadoop?: string
  /** Where results.md and results.json are. */
  readonly out: string
  readonly seeds: number
  /** Names of the parts to remake; all for which there is data, if missing. */
  readonly only?: readonly string[]
}

/** A part of the results, and the sections it makes; none where its data was not given. */
type Part = (options: ResultsOptions) => Promise<readonly Section[]> | undefined

const SEED = 42

/** The usual seed, and then 1, 2 ... so many in all. */
function seedsFrom(count: number): number[] {
  return [SEED, ...Array.from({ length: count - 1 }, (_, i) => i + 1)]
}

/** In the order of the document, the parts by name. */
const PARTS: Readonly<Record<string, Part>> = {
  recording: ({ seeds }) => recordingSections(seedsFrom(seeds)),
  batchings: async () => [await batchingSection(SEED)],
  hdfs: ({ hdfs, seeds }) =>
    hdfs === undefined ? undefined : readHdfs(hdfs).then(data => hdfsSections(data, seeds)),
  contamination: ({ hdfs, seeds }) =>
    hdfs === undefined
      ? undefined
      : readHdfs(hdfs).then(async data => [await contaminationSection(data, seeds)]),
  'few-sessions': ({ hdfs, seeds }) =>
    hdfs === undefined
      ? undefined
      : readHdfs(hdfs).then(async data => [await fewSessionsSection(data, seeds)]),
  stream: ({ stream, streamLabels, seeds }) =>
    stream === undefined || streamLabels === undefined
      ? undefined
      : streamSection({ stream, labels: streamLabels }, seedsFrom(seeds)).then(section => [section]),
  hadoop: ({ hadoop }) =>
    hadoop === undefined ? undefined : hadoopSection(hadoop, SEED).then(section => [section]),
}

/** Remakes the figures of docs/results.md for which there is data, and says which are left as they were. */
export async function run(options: ResultsOptions): Promise<Record<string, unknown>> {
  const unknown = options.only?.find(name => !(name in PARTS))
  if (unknown !== undefined) {
    throw new UsageError(`${unknown} is no part of the results; there are ${Object.keys(PARTS).join(', ')}`)
  }
  const started = performance.now()
  await mkdir(options.out, { recursive: true })
  const leftOut: string[] = []
  const remade: string[] = []
  for (const [name, part] of Object.entries(PARTS)) {
    if (options.only !== undefined && !options.only.includes(name)) continue
    const occasion = { machine: machineFacts(), date: new Date().toISOString().slice(0, 10) }
    const sections = await part(options)
    if (sections === undefined) {
      say(`${name}: left as it was, its data was not given`)
      leftOut.push(name)
      continue
    }
    for (const section of sections) {
      await writeSection(options.out, section, occasion)
      say(`${section.title}: remade`)
      remade.push(section.name)
    }
  }
  return { remade, leftOut, seconds: Math.round((performance.now() - started) / 1000) }
}
