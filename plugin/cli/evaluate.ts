import { writeFile } from 'node:fs/promises'
import type { JudgeOptions } from '../../scorer/judge.js'
import { OfflineJudge } from '../../scorer/offline-judge.js'
import type { EarlyFlags } from '../early.js'
import { type Evaluation, evaluateSessions } from '../evaluation.js'
import { readModel } from '../model.js'
import { judgeSessions, scoreSessions } from '../offline-sessions.js'
import { percent } from '../report/html.js'
import type { RunOptions } from './device-options.js'
import { readSequences } from './sequences.js'
import { emit, UsageError } from './terminal.js'

export interface EvaluateCommandOptions {
  readonly model: string
  readonly normal: readonly string[]
  readonly abnormal: readonly string[]
  readonly normalPopulation?: number
  readonly detect: JudgeOptions
  readonly scorer?: RunOptions
  readonly json?: string
}

/** `logneo evaluate`: how well a model tells labelled sessions apart. */
export async function evaluateCommand(options: EvaluateCommandOptions): Promise<void> {
  const started = performance.now()
  const { bundle } = await readModel(options.model)
  const normal = await readSequences(options.normal)
  const abnormal = await readSequences(options.abnormal)
  if (normal.length === 0 || abnormal.length === 0) {
    throw new UsageError('there must be at least one normal and one abnormal session to evaluate on')
  }
  if (options.normalPopulation !== undefined && options.normalPopulation < normal.length) {
    throw new UsageError(
      `--normal-population ${options.normalPopulation} is less than the ${normal.length} normal sessions given`,
    )
  }
  const judge = new OfflineJudge(bundle, options.detect)
  const scored = await scoreSessions(bundle, [...normal, ...abnormal], options.scorer)
  const outcomes = judgeSessions(judge, scored)
  const result = evaluateSessions(
    outcomes.slice(0, normal.length),
    outcomes.slice(normal.length),
    options.normalPopulation,
  )
  const report = {
    ...result,
    falseAlarmRate: judge.judge.falseAlarmRate,
    model: bundle.id,
    seconds: (performance.now() - started) / 1000,
  }
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(report, undefined, 1)}\n`)
  await emit(describe(report))
}

function describe(
  report: Evaluation & { readonly model: string; readonly falseAlarmRate: number; readonly seconds: number },
): string {
  const { precision, recall, f1, f1Interval, rocAuc, prAuc } = report
  const interval = ([low, high]: readonly [number, number]): string =>
    `(95 %: ${low.toFixed(4)} to ${high.toFixed(4)})`
  const lines = [
    `model ${report.model} at a false-alarm rate of ${percent(report.falseAlarmRate)}`,
    `normal sessions    ${report.normal}, flagged ${report.falsePositives} (${((100 * report.falsePositives) / report.normal).toFixed(3)} %)`,
    `abnormal sessions  ${report.abnormal}, caught ${report.truePositives} (${((100 * report.truePositives) / report.abnormal).toFixed(2)} %)`,
    `precision  ${precision.toFixed(4)} ${interval(report.precisionInterval)}`,
    `recall     ${recall.toFixed(4)} ${interval(report.recallInterval)}`,
    `F1         ${f1.toFixed(4)} ${interval(f1Interval)}`,
    `ROC-AUC    ${rocAuc.toFixed(4)}`,
    `PR-AUC     ${prAuc.toFixed(4)}`,
    ...(report.normalPopulation === report.normal
      ? []
      : [`false positives are scaled to ${report.normalPopulation} normal sessions`]),
    ...(report.early === undefined ? [] : [describeEarly(report.early)]),
    'by detector (caught / falsely flagged)',
    ...Object.entries(report.detectors).map(
      ([name, counts]) => `  ${name.padEnd(12)} ${counts!.truePositives} / ${counts!.falsePositives}`,
    ),
    `${report.seconds.toFixed(1)} s`,
  ]
  return `${lines.join('\n')}\n`
}

function describeEarly({ shareBeforeEnd, medianShareSeen }: EarlyFlags): string {
  const percent = (share: number): string => (100 * share).toFixed(1)
  const share = `early      ${percent(shareBeforeEnd)} % of those caught flagged before their last event`
  return shareBeforeEnd === 0
    ? share
    : `${share}, half of them with at most ${percent(medianShareSeen)} % of the session seen`
}
