import { Composition } from '../scorer/composition/composition.js'
import { Judge } from '../scorer/judge.js'
import { Scorer } from '../scorer/scorer.js'
import { type Adopter, NO_ADOPTER } from './adopt/adopter.js'
import { OnlineAdopter, type OnlineAdopterParts } from './adopt/online-adopter.js'
import { Recurrence } from './adopt/recurrence.js'
import { Engine } from './engine.js'
import { Examiner } from './examiner.js'
import { Keys } from './keys.js'
import { LineReader } from './line-reader.js'
import type { LineRules } from './line-rules.js'
import { type Model, readLineModel } from './model.js'
import { Pauses } from './pauses.js'
import type { Memory, SessionTracker } from './session.js'
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
  const keys = new Keys(lines.drain, bundle.vocabulary)
  const judge = makeJudge(bundle, options)
  const composition = new Composition(bundle.composition)
  const examiner = new Examiner({
    bundleId: bundle.id,
    keys,
    judge,
    composition,
    unknownSurprise: bundle.unknownSurprise,
    adopter: makeAdopter(options, { judge, composition, keys }),
  })
  const engine = new Engine({
    reader,
    drain: lines.drain,
    keys,
    tracker: makeTracker(rules, options, () => examiner.begin(scorer.begin())),
    scorer,
    examiner,
    pauses: new Pauses(rules.pauses),
    onScorerFailure: options.onScorerFailure,
  })
  return { engine, rules }
}

function makeTracker(
  { session, idleTimeoutSeconds }: LineRules,
  options: ResolvedStageOptions,
  begin: () => Memory,
): SessionTracker {
  const { maxSessions, disorderMs, now } = options
  const limits: SessionLimits = { maxSessions, disorderMs, idleTimeoutMs: idleTimeoutSeconds * 1000 }
  if (session.kind !== 'window') return new SessionLru(limits, begin, now)
  const span = { lengthMs: session.seconds * 1000, stepMs: session.stepSeconds * 1000 }
  return new SessionWindows(span, limits, begin, now)
}

function makeJudge({ validation, vocabulary }: Model['bundle'], { detect }: ResolvedStageOptions): Judge {
  return new Judge(validation, vocabulary.keys.length, detect)
}

function makeAdopter(
  { state, adopt }: ResolvedStageOptions,
  parts: Omit<OnlineAdopterParts, 'state' | 'recurrence'>,
): Adopter {
  if (state === undefined) return NO_ADOPTER
  return new OnlineAdopter({ ...parts, state, recurrence: adopt && new Recurrence(adopt) })
}
