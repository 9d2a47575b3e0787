import { HeaderFormat } from '../../drain/header/header-format.js'
import { TrainingDataError } from '../../scorer/errors.js'
import { MIN_SESSIONS } from '../../scorer/train/train.js'
import { readLines } from '../input/lines.js'
import { describeSessionRule, type SessionRule } from '../line-rules.js'
import { counted } from '../report/html.js'
import type { TrainingLog } from '../training-log.js'

const MAX_SHOWN = 200
const MAX_FIELDS = 20

/** Refuses logs in which the rule finds too few sessions, with what the user can do about it. @throws TrainingDataError */
export async function checkSessions(
  { numLines, numWithoutSession, sequences, rules }: TrainingLog,
  paths: readonly string[],
): Promise<void> {
  if (sequences.length >= MIN_SESSIONS) return
  if (numLines === 0)
    throw new TrainingDataError(`there are no lines in ${paths.join(', ')}; give a log to learn from`)
  if (numWithoutSession === numLines) throw new TrainingDataError(await nothingFound(rules, paths))
  const found = `${counted(sequences.length, 'session')} (${describeSessionRule(rules.session)}) in ${counted(numLines, 'line')}`
  throw new TrainingDataError(
    `${found} ${sequences.length === 1 ? 'is' : 'are'} too few to train on: at least ${MIN_SESSIONS} are needed, some thousands are good; give more of the log, or ${finerRule(rules.session)}`,
  )
}

async function nothingFound(
  { session, format }: TrainingLog['rules'],
  paths: readonly string[],
): Promise<string> {
  const line = await firstLine(paths)
  const shown = `the first one is: ${JSON.stringify(line.slice(0, MAX_SHOWN))}`
  const by = session.kind === 'window' ? session.by : session
  if (by?.kind !== 'field') {
    return `no line holds a session id: --session-regex ${by?.pattern} matches none of them; ${shown}; try the pattern with grep -P, and mind the shell's quotes`
  }
  const { fields, record } = HeaderFormat.parse(format).parse(line)
  const names = Object.keys(record ?? fields).slice(0, MAX_FIELDS)
  const known = names.length === 0 ? 'has no fields' : `has the fields ${names.join(', ')}`
  return `no line holds a session id: none has the field ${by.path}; with the format ${format} the first line ${known}; ${shown}; choose another --session-field, or name the --format`
}

async function firstLine(paths: readonly string[]): Promise<string> {
  for await (const line of readLines(paths)) return line
  return ''
}

function finerRule(rule: SessionRule): string {
  if (rule.kind === 'window') {
    return 'tell sessions apart by an id in the lines (--session-regex, --session-field) or by shorter spans of time (--window SECONDS)'
  }
  return 'tell sessions apart by something that fewer lines share, such as a request id, or by spans of time (--window SECONDS)'
}
