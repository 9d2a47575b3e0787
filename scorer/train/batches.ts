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

/** Splits segments into shuffled groups for one epoch, each of them a batch. */
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
  const shape = [segments.length, longest(segments)]
  const { tokens, targets, weights } = packParts([segments], shape)
  return {
    tokens: { data: tokens, shape },
    targets: { data: targets, shape },
    weights: { data: weights, shape },
  }
}

/** Rows of a batch, from one to before another. */
export interface Rows {
  readonly from: number
  readonly to: number
}

/** Divides rows into up to `maxParts` parts of nearly equal size. */
export function partsOf(numRows: number, maxParts: number): Rows[] {
  const size = Math.ceil(numRows / Math.min(maxParts, numRows))
  return Array.from({ length: Math.ceil(numRows / size) }, (_, i) => ({
    from: i * size,
    to: Math.min(numRows, (i + 1) * size),
  }))
}

/** Rows of a tensor (B, T); they share its memory. */
export function rowsOf({ data, shape: [, time] }: Tensor, { from, to }: Rows): Tensor {
  return { data: data.subarray(from * time!, to * time!), shape: [to - from, time!] }
}

/** Batches of several steps in one, as trainLoopGraph takes them: tensors (S, M, B, T), extents (S, M, 2), numParts (S). */
export interface StepBatches extends Batch {
  readonly extents: Tensor
  readonly numParts: Tensor
}

/** Packs one group a step, each divided into up to `maxParts` parts of nearly equal size. */
export function packSteps(groups: readonly (readonly Segment[])[], maxParts: number): StepBatches {
  const steps = groups.map(group => divide(group, maxParts))
  const numParts = Int32Array.from(steps, parts => parts.length)
  const most = Math.max(...numParts)
  const slots = steps.flatMap(parts => Array.from({ length: most }, (_, i) => parts[i] ?? []))
  const extents = Int32Array.from(slots.flatMap(part => [part.length, longest(part)]))
  const rows = Math.max(...slots.map(part => part.length))
  const time = Math.max(...slots.map(longest))
  const shape = [steps.length, most, rows, time]
  const { tokens, targets, weights } = packParts(slots, [rows, time])
  return {
    tokens: { data: tokens, shape },
    targets: { data: targets, shape },
    weights: { data: weights, shape },
    extents: { data: extents, shape: [steps.length, most, 2] },
    numParts: { data: numParts, shape: [steps.length] },
  }
}

function divide(group: readonly Segment[], maxParts: number): (readonly Segment[])[] {
  return partsOf(group.length, maxParts).map(({ from, to }) => group.slice(from, to))
}

function longest(segments: readonly Segment[]): number {
  return segments.reduce((most, { inputs }) => Math.max(most, inputs.length), 1)
}

/** Lays parts out in slots of `shape` (B, T), one after the other. */
function packParts(parts: readonly (readonly Segment[])[], [rows, time]: readonly number[]) {
  const size = parts.length * rows! * time!
  const tokens = new Int32Array(size)
  const targets = new Int32Array(size)
  const weights = new Float32Array(size)
  parts.forEach((part, slot) => {
    part.forEach((segment, row) => {
      const start = (slot * rows! + row) * time!
      tokens.set(segment.inputs, start)
      targets.set(segment.targets, start)
      weights.fill(1, start + segment.scoredFrom, start + segment.inputs.length)
    })
  })
  return { tokens, targets, weights }
}
