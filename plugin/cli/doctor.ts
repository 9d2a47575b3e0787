import { readBundle } from '../../scorer/bundle.js'
import type { RunOptions } from './device-options.js'
import { gatherFacts } from './doctor-facts.js'
import { type DoctorReport, describeDoctor } from './doctor-report.js'
import { type SelfTestResult, selfTest } from './doctor-self-test.js'
import { emit } from './terminal.js'

export interface DoctorCommandOptions {
  /** Model to test with; by default a random one. */
  readonly model?: string
  readonly json?: boolean
  readonly run: RunOptions
}

/**
 * `logneo doctor`: what scoring stands on here, and whether the chosen device computes what the CPU does.
 *
 * @returns the exit code: 0 when it does, 1 when not
 * @throws BundleError for a model that cannot be read
 */
export async function doctorCommand({ model, json = false, run }: DoctorCommandOptions): Promise<number> {
  const started = performance.now()
  const bundle = model === undefined ? undefined : await readBundle(model)
  const facts = await gatherFacts()
  const tested = await attempt(() => selfTest(run, bundle))
  const report: DoctorReport = {
    ...facts,
    ...(bundle && { model: bundle.id }),
    ...tested,
    seconds: (performance.now() - started) / 1000,
    passed: tested.selfTest?.passed ?? false,
  }
  await emit(json ? `${JSON.stringify(report, undefined, 1)}\n` : describeDoctor(report))
  return report.passed ? 0 : 1
}

/** A test that cannot even run is a finding, too. */
async function attempt(
  test: () => Promise<SelfTestResult>,
): Promise<Pick<DoctorReport, 'selfTest' | 'selfTestProblem'>> {
  try {
    return { selfTest: await test() }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { selfTestProblem: error.message }
  }
}
