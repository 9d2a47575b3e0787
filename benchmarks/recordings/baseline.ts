import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import type { Packed } from './postgresql/pack.js'

/** One labelled session of the recording, its lines in the order of the log. */
interface Session {
  readonly isAnomalous: boolean
  readonly fault: string
  readonly isFirstPart: boolean
  readonly levels: Set<string>
  readonly templates: string[]
}

interface Rule {
  readonly name: string
  /** Whether the rule learns from the first part, so that only the second can be judged. */
  readonly isLearned: boolean
  flags(session: Session): boolean
}

const LINE = /^\S+ \S+ UTC \[\d+\] ([0-9a-f]+\.[0-9a-f]+) (?:\S+ )?([A-Z]+): {2}(.*)$/

/** Line with quoted text and everything that holds a digit replaced. */
function templateOf(level: string, content: string): string {
  return `${level}: ${content.replace(/'[^']*'|"[^"]*"/g, '?').replace(/[\w./:$-]*\d[\w./:-]*/g, '#')}`
}

/** Reads log, labels and summary; lines of the server's own processes carry no label and are left out. */
function load(directory: string): Session[] {
  const read = (name: string) =>
    gunzipSync(readFileSync(`${directory}/${name}`))
      .toString('utf8')
      .trimEnd()
      .split('\n')
  const { split } = JSON.parse(readFileSync(`${directory}/postgresql.json`, 'utf8')) as Packed
  const sessions = new Map<string, Session>()
  for (const row of read('postgresql-labels.csv.gz').slice(1)) {
    const [id = '', label, fault = '', started = ''] = row.split(',')
    const isFirstPart = started < split.time
    sessions.set(id, { isAnomalous: label === '1', fault, isFirstPart, levels: new Set(), templates: [] })
  }
  for (const line of read('postgresql.log.gz')) {
    const [, id = '', level = '', content = ''] = LINE.exec(line) ?? []
    const session = sessions.get(id)
    session?.levels.add(level)
    session?.templates.push(templateOf(level, content))
  }
  return [...sessions.values()]
}

function pairs(templates: readonly string[]): string[] {
  return templates.map((template, index) => `${template}\n${templates[index + 1] ?? 'end'}`)
}

function rules(sessions: readonly Session[]): Rule[] {
  const first = sessions.filter(session => session.isFirstPart)
  const knownTemplates = new Set(first.flatMap(({ templates }) => templates))
  const knownPairs = new Set(first.flatMap(({ templates }) => pairs(templates)))
  const has = (session: Session, ...levels: string[]) => levels.some(level => session.levels.has(level))
  return [
    { name: 'ERROR or worse', isLearned: false, flags: session => has(session, 'ERROR', 'FATAL', 'PANIC') },
    { name: 'FATAL or worse', isLearned: false, flags: session => has(session, 'FATAL', 'PANIC') },
    {
      name: 'template unseen in the first part',
      isLearned: true,
      flags: ({ templates }) => templates.some(template => !knownTemplates.has(template)),
    },
    {
      name: 'pair of neighbours unseen in the first part, end included',
      isLearned: true,
      flags: ({ templates }) => pairs(templates).some(pair => !knownPairs.has(pair)),
    },
  ]
}

function judge(rule: Rule, sessions: readonly Session[]) {
  const flagged = sessions.filter(session => rule.flags(session))
  const truePositives = flagged.filter(session => session.isAnomalous).length
  const numAnomalous = sessions.filter(session => session.isAnomalous).length
  const precision = truePositives / Math.max(flagged.length, 1)
  const recall = truePositives / Math.max(numAnomalous, 1)
  return { precision, recall, f1: (2 * truePositives) / Math.max(flagged.length + numAnomalous, 1) }
}

/** Anomalous sessions that the rule misses, by fault. */
function missedBy(rule: Rule, sessions: readonly Session[]): string {
  const counts = new Map<string, number>()
  for (const session of sessions)
    if (session.isAnomalous && !rule.flags(session))
      counts.set(session.fault, (counts.get(session.fault) ?? 0) + 1)
  return [...counts].map(([fault, count]) => `${fault} ${count}`).join(', ')
}

const { values } = parseArgs({
  options: { directory: { type: 'string', default: 'benchmarks/recordings' } },
})
const sessions = load(values.directory)
const second = sessions.filter(session => !session.isFirstPart)
for (const rule of rules(sessions)) {
  for (const [part, judged] of [
    ['all', sessions],
    ['second part', second],
  ] as const) {
    if (rule.isLearned && judged !== second) continue
    const { precision, recall, f1 } = judge(rule, judged)
    const figures = `precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}, F1 ${f1.toFixed(3)}`
    console.log(`${rule.name} (${part}): ${figures}`)
  }
  console.log(`  misses: ${missedBy(rule, second)}`)
}
