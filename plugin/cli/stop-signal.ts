import { once } from 'node:events'

/** The first signal stops in good order; a second one ends the process at once, as it would without us. */
export async function stopSignal(): Promise<void> {
  const either = new AbortController()
  const { signal } = either
  await Promise.race([once(process, 'SIGTERM', { signal }), once(process, 'SIGINT', { signal })])
  either.abort()
}
