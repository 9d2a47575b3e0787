import type { EngineModel } from './engine-parts.js'
import type { Session } from './session.js'

/** Lines of a session whose template ids are kept at most; of one that has more, the history is not whole. */
export const MAX_HISTORY = 4096

/** Puts what an open session has shown so far in the terms of another model. Its evidence stays. @param from undefined where there was none */
export function takeOver(session: Session, from: EngineModel | undefined, to: EngineModel): void {
  const { standing, clues } = session
  const fresh = to.examiner.begin(to.scorer.begin())
  const { history } = session
  if (history !== undefined && history.length === session.numEvents) replay(history, fresh, to)
  else if (from !== undefined) translate(session, fresh, from, to)
  Object.assign(session, fresh, from && { standing, clues })
}

function replay(history: readonly string[], { context, tally }: Begun, { keys, scorer }: EngineModel): void {
  for (const id of history) {
    const token = keys.vocabulary.id(id)
    scorer.append(context, token)
    tally.add(token)
  }
}

type Begun = Pick<Session, 'context' | 'tally'>

/** Specials are the same in all vocabularies. */
function translate(old: Begun, { context, tally }: Begun, from: EngineModel, to: EngineModel): void {
  const translated = (token: number): number => {
    const key = from.keys.vocabulary.key(token)
    return key === undefined ? token : to.keys.vocabulary.id(key)
  }
  const kept = old.context.tokens.slice(-to.scorer.config.contextLength).map(translated)
  context.tokens.splice(0, context.tokens.length, ...kept)
  for (const [token, count] of old.tally.entries())
    for (let i = 0; i < count; i++) tally.add(translated(token))
}
