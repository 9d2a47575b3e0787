import { Drain } from '../drain/drain.js'
import { Composition } from '../scorer/composition/composition.js'
import { NextKey } from '../scorer/detectors/next-key.js'
import { UnseenKey } from '../scorer/detectors/unseen-key.js'
import { Judge } from '../scorer/judge.js'
import type { NextKeyScorer } from '../scorer/next-key-scorer.js'
import { Scorer } from '../scorer/scorer.js'
import { RemoteScorer } from '../sidecar/remote-scorer.js'
import { type Adopter, NO_ADOPTER } from './adopt/adopter.js'
import { OnlineAdopter, type OnlineAdopterParts } from './adopt/online-adopter.js'
import { Recurrence } from './adopt/recurrence.js'
import { Engine } from './engine.js'
import type { EngineModel, EngineParts } from './engine-parts.js'
import { Examiner } from './examiner.js'
import { Habits } from './habits/habits.js'
import { Keys } from './keys.js'
import { DetectingLineReader } from './learn/detecting-reader.js'
import { LineReader } from './line-reader.js'
import { DEFAULT_SESSION_RULE, type LineRules } from './line-rules.js'
import { makeTracker } from './make-tracker.js'
import { isNothingAt, type LineModel, type Model, readLineModel } from './model.js'
import { Pauses } from './pauses.js'
import type { ResolvedStageOptions } from './stage-options.js'

/** For logs of which nothing is known. */
const RULES_WITHOUT = { session: DEFAULT_SESSION_RULE, idleTimeoutSeconds: 1800 }
const UNNAMED_FORMAT = 'raw'

/** Loads a model and builds the engine around it. @throws BundleError, DrainConfigError or PatternError */
export async function openEngine(
  options: ResolvedStageOptions,
): Promise<{ engine: Engine; rules: LineRules }> {
  if (options.mayLearn && (await isNothingAt(options.model))) return openWithout(options)
  const { bundle, lines } = await readLineModel(options.model)
  const rules = { ...lines.rules, ...options.rules }
  const parts = {
    reader: new LineReader(rules),
    drain: lines.drain,
    pauses: new Pauses(rules.pauses),
    model: await startModel(bundle, lines, options),
  }
  return { engine: makeEngine(parts, rules, options), rules }
}

/** An engine that has no model yet. */
function openWithout(options: ResolvedStageOptions): { engine: Engine; rules: LineRules } {
  const { format } = options.rules
  const rules = { ...RULES_WITHOUT, ...options.rules, format: format ?? UNNAMED_FORMAT }
  const reader = format === undefined ? new DetectingLineReader(rules) : new LineReader(rules)
  const parts = {
    reader,
    drain: options.drain ?? new Drain(),
    pauses: new Pauses(undefined),
    model: undefined,
  }
  return { engine: makeEngine(parts, rules, options), rules }
}

/** An engine around parts, with a tracker of its own. */
export function makeEngine(
  parts: Pick<EngineParts, 'reader' | 'drain' | 'pauses' | 'model'>,
  rules: LineRules,
  options: ResolvedStageOptions,
): Engine {
  const { onScorerFailure, keepsHistory, collect } = options
  const engine: Engine = new Engine(
    { ...parts, onScorerFailure, keepsHistory, collect },
    makeTracker({ ...options, rules, begin: () => engine.begin() }),
    rules.session,
  )
  return engine
}

/** A model ready to judge what Drain makes of lines. */
export async function startModel(
  bundle: Model['bundle'],
  { drain, habits }: Pick<LineModel, 'drain' | 'habits'>,
  options: ResolvedStageOptions,
): Promise<EngineModel> {
  const scorer = await startScorer(bundle, options)
  const keys = new Keys(drain, bundle.vocabulary)
  const judge = new Judge(bundle, options.detect)
  const composition = new Composition(bundle.composition)
  const nextKey = new NextKey(bundle.transitions)
  const examiner = new Examiner({
    bundleId: bundle.id,
    keys,
    judge,
    composition,
    nextKey,
    unseenKey: new UnseenKey(bundle.unknownSurprise, bundle.composition),
    adopter: makeAdopter(options, { judge, composition, keys }),
  })
  const least = (detector: 'parameter' | 'time-gap'): number => judge.least(detector)
  return {
    keys,
    scorer,
    nextKey,
    examiner,
    habits: new Habits(habits, drain, bundle.vocabulary, least),
  }
}

/** In this process, or a client of the sidecar that has the model. */
function startScorer(
  bundle: Model['bundle'],
  { scorer, sidecar }: ResolvedStageOptions,
): Promise<NextKeyScorer> {
  if (sidecar === undefined) return Scorer.start(bundle, scorer)
  const { cacheBytes } = scorer
  return RemoteScorer.start(bundle, { ...sidecar, ...(cacheBytes !== undefined && { cacheBytes }) })
}

function makeAdopter(
  { state, adopt }: ResolvedStageOptions,
  parts: Omit<OnlineAdopterParts, 'state' | 'recurrence'>,
): Adopter {
  if (state === undefined) return NO_ADOPTER
  return new OnlineAdopter({ ...parts, state, recurrence: adopt && new Recurrence(adopt) })
}
