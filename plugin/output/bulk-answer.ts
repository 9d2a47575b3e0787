import type { HttpAnswer } from '../http-request.js'

/** What became of one document. */
export type BulkFate = 'created' | 'repeated' | 'refused' | 'retry'

export interface BulkResult {
  readonly fate: BulkFate
  /** In the server's words; empty where all is well. */
  readonly reason: string
}

/** What is asked of the server, so that answers stay short. */
export const BULK_PATH = '_bulk?filter_path=errors,items.create.status,items.create.error'

/** What a server says of itself for a while, not of the document. */
const PASSING_ERRORS = new Set(['index_closed_exception', 'cluster_block_exception'])
const MAX_REASON_LENGTH = 500
const CREATED: BulkResult = { fate: 'created', reason: '' }

/**
 * Reads the answer to a bulk request.
 *
 * @param count how many documents it was about
 * @returns undefined when it is no answer to such a request
 */
export function readBulkAnswer(body: string, count: number): BulkResult[] | undefined {
  const answer = parse(body)
  if (answer?.errors === false) return new Array<BulkResult>(count).fill(CREATED)
  const items = answer?.items
  return Array.isArray(items) && items.length === count ? items.map(item => judge(item)) : undefined
}

/**
 * A document of that id that is there already was created by an earlier try. Only a server that understood the document and will never take it
 * says 400 or 413; missing rights, a missing index or a full queue are the same for all documents, and may change.
 */
function judge(item: unknown): BulkResult {
  const create = fieldOf(item, 'create')
  const status = fieldOf(create, 'status')
  if (status === 200 || status === 201) return CREATED
  const error = fieldOf(create, 'error')
  const type = String(fieldOf(error, 'type') ?? 'unknown error')
  const reason = `${type} (${String(status)}): ${reasonOf(error)}`.slice(0, MAX_REASON_LENGTH)
  if (status === 409) return { fate: 'repeated', reason }
  const isFinal = (status === 400 || status === 413) && !PASSING_ERRORS.has(type)
  return { fate: isFinal ? 'refused' : 'retry', reason }
}

function reasonOf(error: unknown): string {
  const cause = fieldOf(fieldOf(error, 'caused_by'), 'reason')
  return `${String(fieldOf(error, 'reason') ?? 'no reason given')}${cause === undefined ? '' : `: ${String(cause)}`}`
}

/** Why a whole request failed, for people. */
export function answerFault({ status, body }: HttpAnswer): string {
  const error = fieldOf(parse(body), 'error')
  const reason = typeof error === 'string' ? error : fieldOf(error, 'reason')
  const advice = ADVICE[status]
  return `HTTP ${status}${reason === undefined ? '' : `: ${String(reason).slice(0, MAX_REASON_LENGTH)}`}${advice === undefined ? '' : `; ${advice}`}`
}

const ADVICE: Readonly<Record<number, string>> = {
  401: 'mend output.elasticsearch.auth',
  403: 'the user needs the privileges create_doc and auto_configure on the data streams',
  404: 'is this the address of the cluster?',
  429: 'the cluster is busy',
}

function parse(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined
}

/** A user that may only write documents is forbidden to ask, and is welcome all the same. */
export function greetingFault(answer: HttpAnswer): string | undefined {
  return answer.status < 400 || answer.status === 403 ? undefined : answerFault(answer)
}
