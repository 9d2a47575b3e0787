import { createRequire } from 'node:module'

/** A message as the library decodes it from the answer of a broker. */
interface FetchedMessage {
  readonly offset: string
  readonly key: Buffer | null
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean }
  /** Such messages count as read and are given to nobody. */
  isControlRecord?: boolean
}

/** What a broker answered of one partition. */
export interface FetchedPartition {
  readonly messages: readonly FetchedMessage[]
  /** In no particular order. */
  abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[] | null
}

interface FetchResponse {
  decode(data: unknown): Promise<{
    readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[]
  }>
}

/** The newest form of the answer that the library knows; brokers since 2.3 speak it. */
const FETCH_RESPONSE = 'kafkajs/src/protocol/requests/fetch/v11/response.js'
/** A marker's key is its version and its type, two bytes each. */
const TYPE_BYTE = 3
const ABORT = 0

let isMended = false

/**
 * Makes the library's consumers read what is committed and nothing else. kafkajs 2.2.4 takes the broker's list of aborted transactions to be in
 * order of their beginnings and passes over one entry a message, so that it gives out records of aborted transactions where several producers
 * write to one partition. To be called before a consumer runs; what was loaded before does not matter.
 */
export function mendReadCommitted(): void {
  if (isMended) return
  isMended = true
  const response = createRequire(import.meta.url)(FETCH_RESPONSE) as FetchResponse
  const { decode } = response
  response.decode = async data => {
    const decoded = await decode(data)
    for (const { partitions } of decoded.responses) for (const partition of partitions) hideAborted(partition)
    return decoded
  }
}

/** Marks the messages of aborted transactions as what nobody is given, so that the offset still goes past them. */
export function hideAborted(partition: FetchedPartition): void {
  const { abortedTransactions, messages } = partition
  if (abortedTransactions === null || abortedTransactions.length === 0) return
  const begins = abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId, first: Number(firstOffset) }))
    .toSorted((a, b) => a.first - b.first)
  partition.abortedTransactions = []
  const aborted = new Set<string>()
  let next = 0
  for (const message of messages) {
    const offset = Number(message.offset)
    for (; next < begins.length && begins[next]!.first <= offset; next++)
      aborted.add(begins[next]!.producerId)
    const { producerId, inTransaction } = message.batchContext ?? { producerId: '', inTransaction: false }
    if (message.isControlRecord) {
      if (message.key?.[TYPE_BYTE] === ABORT) aborted.delete(producerId)
    } else if (inTransaction && aborted.has(producerId)) message.isControlRecord = true
  }
}
