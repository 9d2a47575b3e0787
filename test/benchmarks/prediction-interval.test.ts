import t from 'tap'
import { predictionInterval } from '../../benchmarks/results/beta-binomial.js'
import { Random } from '../../scorer/random.js'

t.test('the interval is that of a threshold set on one sample and held against another', async t => {
  const random = new Random(5)
  const [numCalibrated, numNew, rate] = [400, 1000, 0.02]
  const [low, high] = predictionInterval(rate, numCalibrated, numNew)
  let within = 0
  const numTrials = 1000
  for (let trial = 0; trial < numTrials; trial++) {
    const calibration = Float64Array.from({ length: numCalibrated }, () => random.uniform()).sort()
    const threshold = calibration[numCalibrated - Math.round(rate * (numCalibrated + 1))]!
    let flagged = 0
    for (let i = 0; i < numNew; i++) if (random.uniform() >= threshold) flagged++
    if (flagged >= low && flagged <= high) within++
  }
  t.ok(within > 0.93 * numTrials && within < 0.975 * numTrials, `${within} of ${numTrials} within`)
})

t.test('few that calibrate make it wide', async t => {
  const width = (numCalibrated: number): number => {
    const [low, high] = predictionInterval(0.005, numCalibrated, 15_000)
    return high - low
  }
  t.ok(width(1000) > 1.7 * width(5000))
  t.equal(predictionInterval(0.0005, 4000, 15_000)[0], 0)
  // Beta(1, 1): none or one of one, each half of the time.
  t.same(predictionInterval(0.5, 1, 1), [0, 1])
})
