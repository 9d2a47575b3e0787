import { PluginError } from '../errors.js'

/** The name of what a broker answered, such as `MESSAGE_TOO_LARGE`, however deep the library wrapped it. */
export function brokerAnswer(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { type } = at as { type?: unknown }
    if (typeof type === 'string') return type
  }
  return undefined
}

const GROUP_CHANGES = new Set([
  'REBALANCE_IN_PROGRESS',
  'NOT_COORDINATOR_FOR_GROUP',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
])

/** Whether the group has to be joined anew, perhaps with other partitions. */
export function isGroupChange(error: unknown): boolean {
  return GROUP_CHANGES.has(brokerAnswer(error) ?? '')
}

const FENCES = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'])

/** Whether somebody else opened the transactional id, or a transaction took longer than its timeout. */
export function isFenced(error: unknown): boolean {
  return FENCES.has(brokerAnswer(error) ?? '')
}

/** Thrown into the client library so that it joins the group anew: it goes by the type. */
export class RegroupError extends PluginError {
  readonly code = 'ERR_KAFKA_REGROUP'
  readonly retriable = true
  readonly type = 'REBALANCE_IN_PROGRESS'

  constructor() {
    super('the group must be rebalancing: another replica has taken over')
  }
}
