import { LRUCache } from 'lru-cache'
import type { TaggedRecord } from '../stage.js'
import type { Evidence, Expected, SessionSummary, Verdict } from '../verdict.js'
import { chance, wrap } from './paragraph.js'

/** Lines of its session printed before a flagged one. */
const NUM_CONTEXT = 3
/** Sessions whose last lines are kept; those longest without a line are forgotten first. */
const MAX_SESSIONS = 10_000

interface Followed {
  readonly lines: string[]
  /** Sentences printed already. */
  readonly told: Set<string>
}

/** How wide paragraphs may be, and whether longer log lines are cut there: as on a terminal, where they would spoil the picture. */
export interface PageWidth {
  readonly columns: number
  readonly isCut: boolean
}

/** Prints flags for people: what speaks for each, what was expected, and the lines of its session before it. */
export class FlagPrinter {
  readonly #followed = new LRUCache<string, Followed>({ max: MAX_SESSIONS })

  constructor(readonly width: PageWidth) {}

  /** The text about a record; empty where there is nothing to tell. */
  print(record: TaggedRecord): string {
    return 'kind' in record.logneo ? this.#session(record.logneo) : this.#line(record, record.logneo)
  }

  #line(record: TaggedRecord, verdict: Verdict): string {
    const line =
      typeof record.message === 'string' ? record.message : JSON.stringify({ ...record, logneo: undefined })
    const session = verdict.session ?? ''
    const followed = this.#follow(session)
    const text = verdict.anomaly === true ? this.#flag(verdict, line, followed) : ''
    followed.lines.push(line)
    if (followed.lines.length > NUM_CONTEXT) followed.lines.shift()
    return text
  }

  #flag(verdict: Verdict, line: string, followed: Followed): string {
    const { severity, score, session, reasons, evidence = [], expected = [] } = verdict
    const fresh = untold(evidence, followed)
    const likeliest = expected[0]?.template
    const saysExpected = likeliest !== undefined && fresh.some(({ message }) => message.includes(likeliest))
    return `${[
      heading(severity!, score!, session!, reasons!),
      ...fresh.flatMap(one => this.#sentence(one)),
      ...(saysExpected ? [] : this.#expected(expected)),
      ...followed.lines.map(old => this.#cut(`    ${old}`)),
      this.#cut(`  > ${line}`),
    ].join('\n')}\n\n`
  }

  /** Flags were printed with their lines; what is left is what the end showed, and the sum. */
  #session(summary: SessionSummary): string {
    const { severity, score, session, reasons, evidence = [], anomaly } = summary
    const followed = this.#follow(session)
    this.#followed.delete(session)
    if (!anomaly) return ''
    const fresh = untold(evidence, followed)
    const atEnd =
      fresh.length === 0
        ? []
        : [
            heading(severity, score, session, reasons),
            ...fresh.flatMap(one => this.#sentence(one)),
            ...followed.lines.map(old => this.#cut(`    ${old}`)),
          ]
    return `${[...atEnd, ...wrap(sum(summary), this.width.columns, '  ')].join('\n')}\n\n`
  }

  #sentence({ detector, p_value, message }: Evidence): string[] {
    return [
      `  ${detector}, ${chance(p_value)} normal sessions:`,
      ...wrap(message, this.width.columns, '    '),
    ]
  }

  #expected(expected: readonly Expected[]): string[] {
    return expected
      .map(
        ({ template, probability }, i) =>
          `  ${i === 0 ? 'expected' : '        '}  ${`${(100 * probability).toFixed(0)} %`.padStart(5)}  ${template}`,
      )
      .map(text => this.#cut(text))
  }

  #cut(text: string): string {
    const { columns, isCut } = this.width
    return isCut && text.length > columns ? `${text.slice(0, Math.max(0, columns - 3))}...` : text
  }

  #follow(session: string): Followed {
    let followed = this.#followed.get(session)
    if (followed === undefined) {
      followed = { lines: [], told: new Set() }
      this.#followed.set(session, followed)
    }
    return followed
  }
}

/** What was not printed yet of a session; from now on it was. */
function untold(evidence: readonly Evidence[], { told }: Followed): Evidence[] {
  return evidence.filter(({ message }) => {
    if (told.has(message)) return false
    told.add(message)
    return true
  })
}

function heading(severity: string, score: number, session: string, reasons: readonly string[]): string {
  return `${severity.toUpperCase()}  score ${score.toFixed(1)}  session ${session}  (${reasons.join(', ')})`
}

function sum({
  session,
  closed,
  events,
  anomalies,
  started,
  ended,
  score,
  severity,
}: SessionSummary): string {
  const seconds =
    started !== undefined && ended !== undefined ? (Date.parse(ended) - Date.parse(started)) / 1000 : NaN
  const time = Number.isFinite(seconds) ? ` in ${seconds.toLocaleString('en-US')} s` : ''
  return `session ${session} (${closed}): ${events.toLocaleString('en-US')} ${events === 1 ? 'line' : 'lines'}${time}, ${anomalies} flagged, severity ${severity}, score ${score.toFixed(1)}`
}
