import type { DoctorFacts, ProviderFact } from './doctor-facts.js'
import type { GraphResult, SelfTestResult } from './doctor-self-test.js'

export interface DoctorReport extends DoctorFacts {
  /** Id of the model that was tested with; missing for a random one. */
  readonly model?: string
  readonly selfTest?: SelfTestResult
  /** Why there is no self-test. */
  readonly selfTestProblem?: string
  readonly seconds: number
  readonly passed: boolean
}

const NAME_WIDTH = 14
const PROVIDER_WIDTH = 9

/** The report for people. */
export function describeDoctor(report: DoctorReport): string {
  const row = (name: string, text: string): string => `${name.padEnd(NAME_WIDTH)}${text}`
  const lines = [
    row('logneo', `${report.logneo}, reads model bundles up to format ${report.bundleFormat}`),
    row('node', `${report.node}, ${report.platform}`),
    row('cpu', `${report.cpu}, ${report.cores} ${report.cores === 1 ? 'core' : 'cores'}`),
    row('memory', `${report.memoryGiB} GiB, ${report.freeMemoryGiB} GiB free`),
    row('onnxruntime', report.onnxruntime ?? report.onnxruntimeProblem ?? ''),
    ...report.providers.map((provider, i) => row(i === 0 ? 'providers' : '', describeProvider(provider))),
    '',
    ...(report.selfTest ? describeTest(report.selfTest, report.model) : []),
    verdict(report),
  ]
  return `${lines.join('\n')}\n`
}

function describeProvider({ name, isAvailable, reason }: ProviderFact): string {
  return `${name.padEnd(PROVIDER_WIDTH)}${isAvailable ? 'yes' : `no: ${reason}`}`
}

function describeTest(test: SelfTestResult, model: string | undefined): string[] {
  const { provider, deviceId, precision, threads, numEvents } = test
  const where = provider === 'cpu' ? 'cpu' : `${provider} (device ${deviceId})`
  const threadsText = `${threads} runtime ${threads === 1 ? 'thread' : 'threads'}`
  return [
    `self-test on ${where} in ${precision}, ${threadsText}, ${model === undefined ? 'a random model' : `model ${model}`}, ${numEvents.toLocaleString('en-US')} events, against cpu in float32`,
    describeGraph('  whole sessions', test.sequence),
    describeGraph('  step by step', test.step),
  ]
}

function describeGraph(name: string, { largestDifference, eventsPerSecond }: GraphResult): string {
  return `${name.padEnd(18)}${eventsPerSecond.toLocaleString('en-US').padStart(10)} events/s, largest difference of a surprise ${largestDifference.toExponential(1)} nats`
}

function verdict({ passed, selfTest, selfTestProblem, seconds }: DoctorReport): string {
  if (selfTest === undefined) return `FAILED: ${selfTestProblem}`
  const { sequence, step, tolerance } = selfTest
  const largest = Math.max(sequence.largestDifference, step.largestDifference).toExponential(1)
  const figures = `${largest} nats at most, ${tolerance} are allowed (${seconds.toFixed(1)} s)`
  return passed
    ? `OK: the surprises agree, ${figures}`
    : `FAILED: the surprises differ, ${figures}: do not score with this`
}
