import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { MachineFacts } from '../report.js'
import type { Section } from './section.js'

const INTRODUCTION = `# Results

Every figure here is remade by \`npm run bench -- results\`, one section at a time where the data is at hand; each section
says when, where and from which commit it was. All is at default settings; the false-alarm rate is the default one
unless a table says otherwise. The same figures as data: [results.json](results.json).
`

/** Where and when sections were measured. */
export interface Occasion {
  readonly machine: MachineFacts
  /** ISO 8601, to the day. */
  readonly date: string
}

/** Replaces a section in the results in a folder, or adds it; others, also those that other programs wrote, stay as they are. */
export async function writeSection(folder: string, section: Section, occasion: Occasion): Promise<void> {
  const document = join(folder, 'results.md')
  const text = existsSync(document) ? await readFile(document, 'utf8') : INTRODUCTION
  await writeFile(document, withSection(text, section, occasion))
  const data = join(folder, 'results.json')
  const figures = existsSync(data) ? (JSON.parse(await readFile(data, 'utf8')) as object) : {}
  const all = { ...figures, [section.name]: { ...occasion, figures: section.figures } }
  await writeFile(data, `${JSON.stringify(all, undefined, 1)}\n`)
}

/** The document with the section between its own marks. */
export function withSection(document: string, section: Section, occasion: Occasion): string {
  const [begin, end] = [`<!-- begin ${section.name} -->`, `<!-- end ${section.name} -->`]
  const block = `${begin}\n\n## ${section.title}\n\n${section.text.trim()}\n\n${measured(occasion)}\n\n${end}`
  const [from, to] = [document.indexOf(begin), document.indexOf(end)]
  if (from < 0 || to < from) return `${document.trimEnd()}\n\n${block}\n`
  return document.slice(0, from) + block + document.slice(to + end.length)
}

function measured({ machine, date }: Occasion): string {
  const { cpu, cores, memoryGiB, node, commit, load } = machine
  return `_${date}, commit ${commit}; ${cpu}, ${cores} cores, ${memoryGiB} GiB, Node.js ${node}, load ${load} when it began._`
}
