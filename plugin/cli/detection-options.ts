import { type Command, Option } from 'commander'
import { LAYOUT_NAMES } from '../../drain/header/named-layouts.js'
import { DETECTOR_NAMES, type DetectorName } from '../../scorer/detectors/detector.js'
import type { TopK } from '../../scorer/detectors/top-k.js'
import { DEFAULT_JUDGE_OPTIONS, type JudgeOptions } from '../../scorer/judge.js'
import { detectorNames, share, topK } from './arguments.js'

/** Adds the options that say what is flagged. */
export function withDetection(command: Command): Command {
  return command
    .option(
      '--false-alarm-rate <x>',
      'sessions flagged per normal session (default: 0.001, more for models of fewer than 4,000 sessions)',
      share,
    )
    .option('--detectors <names>', `which decide, of ${DETECTOR_NAMES.join(',')}`, detectorNames)
    .option(
      '--top-k <k>',
      'K of the paper: a number, a share of the keys such as 0.45, auto, or adaptive; adds the detector top-k',
      topK,
    )
}

/** What the flags of withDetection say. */
export function detection(options: {
  falseAlarmRate?: number
  detectors?: DetectorName[]
  topK?: TopK
}): JudgeOptions {
  const { falseAlarmRate, detectors, topK } = options
  const chosen =
    detectors ?? (topK === undefined ? undefined : [...DEFAULT_JUDGE_OPTIONS.detectors, 'top-k' as const])
  return {
    ...(falseAlarmRate !== undefined && { falseAlarmRate }),
    ...(chosen !== undefined && { detectors: chosen }),
    ...(topK !== undefined && { topK }),
  }
}

/** The option that says how lines begin. */
export function formatOption(): Option {
  return new Option(
    '--format <f>',
    `header layout, such as '<Date> <Time> <Level> <Component>: <Content>', or ${LAYOUT_NAMES.join(', ')}, raw`,
  ).default('auto')
}
