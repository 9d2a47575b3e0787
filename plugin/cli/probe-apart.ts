import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Provider } from '../../scorer/provider.js'

/** Why a provider cannot be used. */
export interface Unavailable {
  /** In a few words. */
  readonly reason: string
  /** With what to do. */
  readonly problem: string
}

/** A driver that has not answered by then is taken for broken, in milliseconds. */
const PROBE_TIMEOUT_MS = 20_000

export const unavailable = (reason: string): Unavailable => ({ reason, problem: reason })

/** Why a provider cannot be loaded, found out in a process of its own. */
export function probeApart(name: Provider): Promise<Unavailable | undefined> {
  const script = fileURLToPath(new URL('./probe-process.js', import.meta.url))
  return new Promise(resolve => {
    execFile(process.execPath, [script, name], { timeout: PROBE_TIMEOUT_MS }, (error, stdout) => {
      if (stdout !== '') resolve(JSON.parse(stdout) as Unavailable)
      else if (error === null) resolve(undefined)
      else if (error.killed === true)
        resolve(unavailable(`it did not load within ${PROBE_TIMEOUT_MS / 1000} s`))
      else
        resolve(
          unavailable(`loading it ended the process (${error.signal ?? error.code}): look at the driver`),
        )
    })
  })
}
