import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { BUNDLE_VERSION } from '../../scorer/bundle-manifest.js'
import { PROVIDERS, type Provider } from '../../scorer/provider.js'
import { runtimeInfo } from '../../scorer/runtime.js'
import { packageVersion } from '../package-version.js'
import { probeApart, unavailable } from './probe-apart.js'

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
    : unavailable(`ONNX Runtime has no ${name} on ${process.platform} ${process.arch}`)
  return failure === undefined ? { name, isAvailable: true } : { name, isAvailable: false, ...failure }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
