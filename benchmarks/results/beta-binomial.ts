/**
 * The central 95 % interval of how many of `numNew` normal sessions are flagged at a rate when the threshold was set on `numCalibrated` others:
 * the true rate beyond their quantile is Beta(rate (n + 1), (1 - rate) (n + 1)), the order statistics' distribution, and the number flagged
 * binomial in it, so beta-binomial together.
 */
export function predictionInterval(
  rate: number,
  numCalibrated: number,
  numNew: number,
): readonly [low: number, high: number] {
  const a = rate * (numCalibrated + 1)
  const b = (1 - rate) * (numCalibrated + 1)
  let p = Math.exp(logNoneFlagged(a, b, numNew))
  let cumulative = p
  let low = 0
  for (let k = 0; ; k++) {
    // The low end is the first number whose cumulative probability goes beyond 2.5 %, the high end the first that reaches 97.5 %.
    if (cumulative <= 0.025) low = k + 1
    if (cumulative >= 0.975 || k === numNew) return [low, k]
    p *= ((numNew - k) * (a + k)) / ((k + 1) * (b + numNew - k - 1))
    cumulative += p
  }
}

/** ln of B(a, b + m) / B(a, b), the probability of no flag among m. */
function logNoneFlagged(a: number, b: number, m: number): number {
  let sum = 0
  for (let i = 0; i < m; i++) sum += Math.log1p(-a / (a + b + i))
  return sum
}
