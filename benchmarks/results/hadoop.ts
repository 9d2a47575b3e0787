import { readFile } from 'node:fs/promises'
import { evaluateSessions, type SessionOutcome } from '../../plugin/evaluation.js'
import { readLines } from '../../plugin/input/lines.js'
import type { SessionSummary } from '../../plugin/verdict.js'
import { summaries, trainedOnLines } from './lines.js'
import { type Section, table } from './section.js'

const READING = {
  rules: {
    format: '<Container> <Date> <Time> <Level> [<Process>] <Component>: <Content>',
    session: { kind: 'field', path: 'Container' },
  },
  isComplete: true,
} as const

/** One application: the lines of its containers, each line after its container's name. */
interface Application {
  readonly name: string
  readonly condition: string
  readonly isAbnormal: boolean
  readonly lines: readonly string[]
}

interface Judged {
  readonly application: Application
  readonly score: number
  readonly isFlagged: boolean
  readonly numContainers: number
}

/** Applications of Hadoop: each normal one is judged by a model of the others, the anomalous ones by a model of all normal ones. */
export async function hadoopSection(folder: string, seed: number): Promise<Section> {
  const applications = await readApplications(folder)
  const normal = applications.filter(({ isAbnormal }) => !isAbnormal)
  const judged: Judged[] = []
  for (const one of normal) {
    const others = normal.filter(other => other !== one)
    judged.push(...(await judgeBy(others, [one], seed)))
  }
  judged.push(
    ...(await judgeBy(
      normal,
      applications.filter(({ isAbnormal }) => isAbnormal),
      seed,
    )),
  )
  return describe(judged)
}

async function readApplications(folder: string): Promise<Application[]> {
  const rows = (await readFile(`${folder}/labels.csv`, 'utf8')).trim().split(/\r?\n/).slice(1)
  const read = rows.map(async row => {
    const [name, , condition, label] = row.split(',')
    const lines = await containerLines(`${folder}/raw/${name}.log.gz`, name!)
    return { name: name!, condition: condition!, isAbnormal: label === '1', lines }
  })
  return Promise.all(read)
}

/**
 * A file holds one container after the other, the application's master first. Each begins by loading its metrics' properties, the master a few
 * lines before that. Lines without a time, stack traces, belong to the record before them and are left out.
 */
async function containerLines(path: string, name: string): Promise<string[]> {
  const lines: string[] = []
  let container = 0
  let isBeforeMetrics = true
  for await (const line of readLines([path])) {
    if (!/^\d{4}-\d\d-\d\d /.test(line)) continue
    const isBegin = line.includes('Created MRAppMaster for application')
    if (isBegin && container > 0) container++
    if (line.includes('loaded properties from hadoop-metrics2.properties')) {
      if (!isBeforeMetrics) container++
      isBeforeMetrics = false
    }
    if (isBegin) isBeforeMetrics = true
    lines.push(`${name}#${container} ${line}`)
  }
  return lines
}

async function judgeBy(
  training: readonly Application[],
  applications: readonly Application[],
  seed: number,
): Promise<Judged[]> {
  const { path } = await trainedOnLines(() => linesOf(training), READING, { isTrimmed: true, seed })
  const judged = await summaries(path, linesOf(applications))
  return applications.map(application => {
    const containers = judged.filter(({ session }) => session.startsWith(`${application.name}#`))
    return { application, numContainers: containers.length, ...strongest(containers) }
  })
}

async function* linesOf(applications: readonly Application[]): AsyncGenerator<string> {
  for (const { lines } of applications) yield* lines
}

/** An application is anomalous if any container is. */
function strongest(containers: readonly SessionSummary[]) {
  return {
    score: Math.max(...containers.map(({ score }) => score)),
    isFlagged: containers.some(({ anomaly }) => anomaly),
  }
}

function describe(judged: readonly Judged[]): Section {
  const outcomes = (isWanted: (one: Application) => boolean): SessionOutcome[] =>
    judged
      .filter(({ application }) => isWanted(application))
      .map(({ score, isFlagged }) => ({ score, isFlagged, reasons: new Set<string>() }))
  const normal = outcomes(({ isAbnormal }) => !isAbnormal)
  const conditions = [...new Set(judged.map(({ application }) => application.condition))].sort()
  const evaluation = evaluateSessions(
    normal,
    outcomes(({ isAbnormal }) => isAbnormal),
  )
  const rows = conditions.map(condition => {
    const ofCondition = outcomes(one => one.condition === condition)
    const numFlagged = ofCondition.filter(({ isFlagged }) => isFlagged).length
    const isNormal = judged.some(
      one => one.application.condition === condition && !one.application.isAbnormal,
    )
    return [
      condition,
      ofCondition.length,
      numFlagged,
      isNormal ? '' : evaluateSessions(normal, ofCondition).rocAuc.toFixed(3),
    ]
  })
  const numContainers = judged.reduce((sum, one) => sum + one.numContainers, 0)
  const text = `${judged.length} applications in ${numContainers} containers, which are the sessions; an application is as anomalous as its most anomalous
container. Each normal application is judged by a model of the other normal ones, the rest by a model of all normal ones. One
seed.

ROC-AUC by application ${evaluation.rocAuc.toFixed(3)}, F1 ${evaluation.f1.toFixed(3)}.

${table(['condition', 'applications', 'flagged', 'ROC-AUC against the normal ones'], rows)}`
  return {
    name: 'hadoop',
    title: 'Hadoop applications',
    text,
    figures: { evaluation },
  }
}
