/** A token and the probability a model gives it. */
export interface LikelyToken {
  readonly token: number
  readonly probability: number
}

/** The `count` likeliest tokens of log-probabilities (V), best first. */
export function likeliest(logProbabilities: Float32Array, count: number): LikelyToken[] {
  const best: number[] = []
  for (let token = 0; token < logProbabilities.length; token++) {
    let place = best.length
    while (place > 0 && logProbabilities[best[place - 1]!]! < logProbabilities[token]!) place--
    if (place < count) best.splice(place, 0, token)
    if (best.length > count) best.pop()
  }
  return best.map(token => ({ token, probability: Math.exp(logProbabilities[token]!) }))
}
