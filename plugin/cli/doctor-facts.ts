import { execFile } from 'node:child_process'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { BUNDLE_VERSION } from '../../scorer/bundle.js'
import { PROVIDERS, type Provider } from '../../scorer/provider.js'
import { runtimeInfo } from '../../scorer/runtime.js'
import { packageVersion } from './version.js'

export interface ProviderFact {
  readonly name: Provider
  readonly isAvailable: boolean
  /** Why not, in a few words. */
  readonly reason?: string
  /** The same, with what to do. */
  readonly problem?: string
}

/** The machine and the software that scoring stands on. */
export interface DoctorFacts {
  readonly logneo: string
  /** Newest version of the model bundle's format that this program reads. */
  readonly bundleFormat: number
  readonly node: string
  readonly platform: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly freeMemoryGiB: number
  /** Version of ONNX Runtime; missing where it cannot be loaded. */
  readonly onnxruntime?: string
  readonly onnxruntimeProblem?: string
  readonly providers: readonly ProviderFact[]
}

/** A driver that has not answered by then is taken for broken, in milliseconds. */
const PROBE_TIMEOUT_MS = 20_000

export async function gatherFacts(): Promise<DoctorFacts> {
  const gib = (bytes: number): number => Number((bytes / 2 ** 30).toFixed(1))
  const machine = {
    logneo: packageVersion(),
    bundleFormat: BUNDLE_VERSION,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: gib(totalmem()),
    freeMemoryGiB: gib(freemem()),
  }
  try {
    const { version, backends } = runtimeInfo()
    const known = new Set(backends.map(({ name }) => name))
    return {
      ...machine,
      onnxruntime: version,
      providers: await Promise.all(PROVIDERS.map(name => examine(name, known))),
    }
  } catch (error) {
    return { ...machine, onnxruntimeProblem: messageOf(error), providers: [] }
  }
}

async function examine(name: Provider, known: ReadonlySet<string>): Promise<ProviderFact> {
  const failure = known.has(name)
    ? await probeApart(name)
    : failed(`ONNX Runtime has no ${name} on ${process.platform} ${process.arch}`)
  return failure === undefined ? { name, isAvailable: true } : { name, isAvailable: false, ...failure }
}

type Failure = Required<Pick<ProviderFact, 'reason' | 'problem'>>

const failed = (reason: string): Failure => ({ reason, problem: reason })

/** Why a provider cannot be loaded, found out in a process of its own. */
function probeApart(name: Provider): Promise<Failure | undefined> {
  const script = fileURLToPath(new URL('./doctor-probe.js', import.meta.url))
  return new Promise(resolve => {
    execFile(process.execPath, [script, name], { timeout: PROBE_TIMEOUT_MS }, (error, stdout) => {
      if (stdout !== '') resolve(JSON.parse(stdout) as Failure)
      else if (error === null) resolve(undefined)
      else if (error.killed === true) resolve(failed(`it did not load within ${PROBE_TIMEOUT_MS / 1000} s`))
      else resolve(failed(`loading it ended the process (${error.signal ?? error.code}): look at the driver`))
    })
  })
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
