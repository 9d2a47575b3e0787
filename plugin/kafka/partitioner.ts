import type { ICustomPartitioner } from 'kafkajs'

/**
 * As Java clients place records: by their key. Records without one are placed by their value, not in turn: the library places records anew each
 * time it repeats a request, and the broker takes a repeated number of records under a repeated sequence number for the same records.
 */
export async function steadyPartitioner(): Promise<ICustomPartitioner> {
  const { Partitioners } = await import('kafkajs')
  return () => {
    const place = Partitioners.DefaultPartitioner()
    return args => {
      const { message } = args
      return place(message.key == null ? { ...args, message: { ...message, key: message.value } } : args)
    }
  }
}
