import type { LikelyToken } from './likeliest.js'
import type { GptNeoConfig } from './model/config.js'

/** The tokens a session's next prediction rests on, and where they stand in the scorer's tree. Owned by the session. */
export interface Context {
  /** Tokens since the begin of session, or the last ones where the session is longer than the model's context. */
  readonly tokens: number[]
  node: number
  stamp: number
}

/** What is known of the tokens that followed prefixes, by the node that `enter` gave. */
export interface Predictions {
  readonly vocabularySize: number
  /** Prefixes remembered. */
  readonly size: number
  /** Tokens that lead to a node. */
  depth(node: number): number
  /** -ln p of the observed token. */
  surprise(node: number, token: number): number
  /** How many tokens are likelier than the observed one. */
  rank(node: number, token: number): number
  /** -ln of the probability of the observed token and all that are no likelier. */
  rarity(node: number, token: number): number
  /** The `count` likeliest tokens, best first. */
  likeliest(node: number, count: number): LikelyToken[]
  /** Lets a node go that `enter` pinned. */
  unpin(node: number): void
}

/** Scores next log keys, wherever the model runs: here (`Scorer`) or in a service. */
export interface NextKeyScorer {
  readonly config: Pick<GptNeoConfig, 'contextLength' | 'vocabularySize'>
  /**
   * What nodes belong to now. Hold on to it while using nodes: after a failure a fresh one may take its place, and nodes of the old one stay
   * readable but unknown.
   */
  readonly tree: Predictions
  /**
   * Nodes a caller may keep pinned, with all that leads to them, before it enters one more context: the tree must have room for that one's
   * prefix.
   */
  readonly maxHeld: number
  /** Whether what is entered now is likely to be answered. */
  readonly isReady: boolean
  /** The context of a session that has just begun. */
  begin(): Context
  /** The node that tells how `observed` follows a context, pinned in the tree. What it tells is there after `compute`, and only for `observed`. */
  enter(context: Context, observed: number): number
  /** Moves a context one token on; nothing is computed until it is entered. */
  append(context: Context, token: number): void
  /**
   * Computes all that was entered; resolves when that and what the calls before had entered is known.
   * @throws ScoringError, and then nothing entered before is worth anything
   */
  compute(): Promise<void>
  close(): Promise<void>
}

/**
 * Moves a context one token on. When the model's context is full its older half goes and positions start anew, as in training (see
 * segments.ts).
 */
export function appendToken(context: Context, token: number, contextLength: number): void {
  const { tokens } = context
  if (tokens.length === contextLength) {
    tokens.splice(0, tokens.length - (contextLength >> 1))
    context.node = -1
  }
  tokens.push(token)
}
