import { Judge } from '../scorer/judge.js'
import { Scorer } from '../scorer/scorer.js'
import { Engine } from './engine.js'
import { Keys } from './keys.js'
import { LineReader } from './line-reader.js'
import type { LineRules } from './line-rules.js'
import { type Model, readLineModel } from './model.js'
import { Pauses } from './pauses.js'
import type { SessionTracker } from './session.js'
import { type SessionLimits, SessionLru } from './session-lru.js'
import { SessionWindows } from './session-windows.js'
import type { ResolvedStageOptions } from './stage-options.js'

/** Loads a model and builds the engine around it. @throws BundleError, DrainConfigError or PatternError */
export async function openEngine(
  options: ResolvedStageOptions,
): Promise<{ engine: Engine; rules: LineRules }> {
  const { bundle, lines } = await readLineModel(options.model)
  const rules = { ...lines.rules, ...options.rules }
  const reader = new LineReader(rules)
  const scorer = await Scorer.start(bundle, options.scorer)
  const engine = new Engine({
    bundleId: bundle.id,
    reader,
    drain: lines.drain,
    keys: new Keys(lines.drain, bundle.vocabulary),
    tracker: makeTracker(rules, options, scorer),
    scorer,
    judge: makeJudge(bundle, options),
    pauses: new Pauses(rules.pauses),
    unknownSurprise: bundle.unknownSurprise,
    onScorerFailure: options.onScorerFailure,
  })
  return { engine, rules }
}

function makeTracker(
  { session, idleTimeoutSeconds }: LineRules,
  options: ResolvedStageOptions,
  scorer: Scorer,
): SessionTracker {
  const { maxSessions, disorderMs, now } = options
  const limits: SessionLimits = { maxSessions, disorderMs, idleTimeoutMs: idleTimeoutSeconds * 1000 }
  const begin = () => scorer.begin()
  if (session.kind !== 'window') return new SessionLru(limits, begin, now)
  const span = { lengthMs: session.seconds * 1000, stepMs: session.stepSeconds * 1000 }
  return new SessionWindows(span, limits, begin, now)
}

function makeJudge({ calibration, vocabulary }: Model['bundle'], { detect }: ResolvedStageOptions): Judge {
  return new Judge(calibration, vocabulary.keys.length, detect)
}
