import type { LikelyToken } from '../likeliest.js'
import { type TokenSequence, withEdges } from '../segments.js'
import type { SequenceScores } from '../sequence-scorer.js'
import type { Transitions } from '../transitions.js'
import { END } from '../vocabulary.js'

/** What counts say weighs so much beside the network. */
const SHARE = 0.1

/**
 * Which key comes next, as the network has it and counts of the last three keys (mixed as by Jelinek and Mercer, 1980).
 *
 * A network is as sure of itself where training had little to learn from as anywhere, and calls what came again and again after these very
 * keys one in 100,000. Counts are never so far off, so mixed in they bound what it may claim: a key that follows in p of all cases is at most
 * -ln(SHARE p) nats of a surprise. What never followed stays as surprising as it was. The end stays as the network has it, too: whether a session
 * is complete hangs on all of it, of which counts see the last three keys.
 */
export class NextKey {
  /** @param transitions of the sessions that the network was trained on */
  constructor(readonly transitions: Transitions) {}

  /** What counts know of a session's tokens, BEGIN among them, that come last before place `end`: the `recent` of the other methods. */
  recent(tokens: ArrayLike<number>, end = tokens.length): number {
    return this.transitions.contextOf(tokens, end)
  }

  /** Surprise in nats. @param network the same by the network alone, -ln p @param token that came */
  surprise(network: number, token: number, recent: number): number {
    if (token === END) return network
    const counted = this.transitions.probability(token, recent)
    return -Math.log((1 - SHARE) * Math.exp(-network) + SHARE * counted)
  }

  /** As surprise, for all targets of a session. @param scores by the network alone */
  score(sequence: TokenSequence, scores: SequenceScores): SequenceScores {
    const all = withEdges(sequence)
    const surprises = scores.surprises.map((network, i) =>
      this.surprise(network, all[i + 1]!, this.recent(all, i + 1)),
    )
    return { ...scores, surprises }
  }

  /** The tokens that the network held likeliest, with the probabilities that go into surprise, the best first. */
  expected(likely: readonly LikelyToken[], recent: number): LikelyToken[] {
    return likely
      .map(({ token, probability }) => ({
        token,
        probability: Math.exp(-this.surprise(-Math.log(probability), token, recent)),
      }))
      .sort((a, b) => b.probability - a.probability)
  }
}
