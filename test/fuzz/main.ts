import { parseArgs } from 'node:util'
import { saveRegression } from './regressions.js'
import { fuzzTarget, type TargetReport } from './supervisor.js'
import type { TargetEntry } from './target.js'
import { findTarget, TARGETS } from './targets.js'

/*
 * Feeds mutated inputs to all that reads bytes from outside: npm run fuzz -- [--inputs N] [--seed S] [--target NAME]
 * Exit codes: 0 nothing was found, 1 something was and is kept in test/fixtures/fuzz/, 2 wrong usage.
 */

const { values } = parseArgs({
  options: {
    /** In all; each target gets its share of them. */
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '42' },
    /** Only this one. */
    target: { type: 'string' },
  },
})
const inputs = wholeNumber('--inputs', values.inputs)
const seed = wholeNumber('--seed', values.seed)
const chosen = values.target === undefined ? TARGETS : [named(values.target)]
const sharesInAll = chosen.reduce((sum, { share }) => sum + share, 0)

const reports: TargetReport[] = []
for (const { name, share } of chosen) {
  const report = await fuzzTarget(name, Math.ceil((inputs * share) / sharesInAll), seed)
  reports.push(report)
  print(report)
}
console.log(`${sumOf('inputs')} inputs, ${Math.round(sumOf('seconds'))} s, ${sumOfFindings()} findings`)
process.exit(sumOfFindings() === 0 ? 0 : 1)

function print({ name, inputs, ends, slowestMs, seconds, findings }: TargetReport): void {
  const figures = `${inputs} inputs, ${seconds.toFixed(1)} s, ${ends} ends, slowest ${slowestMs.toFixed(0)} ms`
  console.log(`${name.padEnd(18)} ${figures}, ${findings.length} findings`)
  for (const { input, reason } of findings) console.log(`  ${saveRegression(name, input)}: ${reason}`)
}

function sumOf(figure: 'inputs' | 'seconds'): number {
  return reports.reduce((sum, report) => sum + report[figure], 0)
}

function sumOfFindings(): number {
  return reports.reduce((sum, { findings }) => sum + findings.length, 0)
}

function wholeNumber(option: string, text: string): number {
  if (/^[0-9]{1,12}$/.test(text)) return Number(text)
  return refuse(`${option} must be a whole number, got ${text}`)
}

function named(name: string): TargetEntry {
  return (
    findTarget(name) ?? refuse(`--target must be one of ${TARGETS.map(target => target.name).join(', ')}`)
  )
}

function refuse(problem: string): never {
  console.error(problem)
  process.exit(2)
}
