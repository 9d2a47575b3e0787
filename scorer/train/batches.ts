import type { Random } from '../random.js'
import type { Tensor } from '../runtime.js'
import type { Segment } from '../segments.js'

/** Padded tensors (B, T) of one batch; weights are 0 where nothing is to be learnt. */
export interface Batch {
  readonly tokens: Tensor
  readonly targets: Tensor
  readonly weights: Tensor
}

// Segments of like length share a batch, so little is padded; sorting within a few batches' worth keeps the order random.
const BATCHES_PER_SORT = 16

/** Splits segments into shuffled batches for one epoch. */
export function epochBatches(segments: readonly Segment[], batchSize: number, random: Random): Batch[] {
  return epochGroups(segments, batchSize, random).map(makeBatch)
}

/** The segments of each of those batches. */
export function epochGroups(segments: readonly Segment[], batchSize: number, random: Random): Segment[][] {
  const order = random.shuffle([...segments])
  const groups: Segment[][] = []
  for (let start = 0; start < order.length; start += batchSize * BATCHES_PER_SORT) {
    const group = order.slice(start, start + batchSize * BATCHES_PER_SORT)
    group.sort((a, b) => a.inputs.length - b.inputs.length)
    for (let i = 0; i < group.length; i += batchSize) groups.push(group.slice(i, i + batchSize))
  }
  return random.shuffle(groups)
}

/** Pads segments to one batch, to the right. */
export function makeBatch(segments: readonly Segment[]): Batch {
  const time = segments.reduce((longest, { inputs }) => Math.max(longest, inputs.length), 1)
  const shape = [segments.length, time]
  const tokens = new Int32Array(segments.length * time)
  const targets = new Int32Array(segments.length * time)
  const weights = new Float32Array(segments.length * time)
  segments.forEach((segment, row) => {
    tokens.set(segment.inputs, row * time)
    targets.set(segment.targets, row * time)
    weights.fill(1, row * time + segment.scoredFrom, row * time + segment.inputs.length)
  })
  return {
    tokens: { data: tokens, shape },
    targets: { data: targets, shape },
    weights: { data: weights, shape },
  }
}
