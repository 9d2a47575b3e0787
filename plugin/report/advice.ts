import { counted, integer, percent } from './html.js'
import type { ReportData } from './report-data.js'

/** A threshold read off fewer sessions than this beyond it is a guess. */
const FIRM_SESSIONS = 5
const MAX_SHARE_WITHOUT_SESSION = 0.1
const MIN_EVENTS_A_SESSION = 2
const MAX_SHARE_OF_LONGEST = 0.5
/** So many keys seen in one session only, and such a share of all, are odd. */
const MANY_RARE_KEYS = 20
const LARGE_SHARE_OF_RARE_KEYS = 0.3

type AdviceInput = Pick<ReportData, 'model' | 'source' | 'falseAlarmRate'>

/** What a user should know about a model just trained, if anything: sentences without markup. */
export function trainingAdvice(input: AdviceInput): string[] {
  return [
    fewSessions(input),
    withoutSession(input),
    shortSessions(input),
    oneLongSession(input),
    rareKeys(input),
  ].filter(advice => advice !== undefined)
}

function fewSessions({ model, falseAlarmRate }: AdviceInput): string | undefined {
  const { numSessions } = model.validation
  if (numSessions * falseAlarmRate >= FIRM_SESSIONS / 2) return undefined
  return `${counted(numSessions, 'validation session')} cannot tell how rare 1 in ${integer(1 / falseAlarmRate)} is: the threshold is extrapolated; give ${integer(FIRM_SESSIONS / falseAlarmRate)} sessions or more for a firm one`
}

function withoutSession({ source: { lines } }: AdviceInput): string | undefined {
  if (lines === undefined) return undefined
  const share = lines.numWithoutSession / Math.max(1, lines.numLines)
  if (share <= MAX_SHARE_WITHOUT_SESSION) return undefined
  return `${percent(share)} of the lines belong to no session (${lines.sessionRule}) and were not learnt; if that is not meant, check how sessions are told apart`
}

function shortSessions({ model: { training } }: AdviceInput): string | undefined {
  const mean = training.numEvents / training.numSessions
  if (mean >= MIN_EVENTS_A_SESSION) return undefined
  return `a session holds ${mean.toFixed(1)} events on average, so there is little order to learn; tell sessions apart by something that several lines share`
}

function oneLongSession({ model: { training, details } }: AdviceInput): string | undefined {
  const share = (details?.numEventsOfLongest ?? 0) / training.numEvents
  if (share <= MAX_SHARE_OF_LONGEST) return undefined
  return `one session holds ${percent(share)} of all events; check how sessions are told apart`
}

function rareKeys({ model: { details, vocabulary } }: AdviceInput): string | undefined {
  const numRare = details?.keyCounts.filter(({ numSessions }) => numSessions === 1).length ?? 0
  const numKeys = vocabulary.keys.length
  if (numRare < MANY_RARE_KEYS || numRare < LARGE_SHARE_OF_RARE_KEYS * numKeys) return undefined
  return `${integer(numRare)} of ${integer(numKeys)} log keys were seen in one session only; if something that varies is taken for text there, mask it: --mask NAME=PATTERN`
}
