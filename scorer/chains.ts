import type { GptNeoConfig } from './model/config.js'
import { cacheRowSize } from './model/step-graph.js'
import type { PrefixTree } from './prefix-tree.js'
import type { StepBatch } from './step-engine.js'

/** Nodes to compute in one go, each the child of the one before; the first one's parent is computed or was sent earlier. */
type Chain = number[]

/** A batch for the step engine and the node each of its (B, T) places belongs to, -1 for padding. */
export interface PlannedBatch {
  readonly step: StepBatch
  readonly nodes: Int32Array
}

const MAX_CHAINS = 64
// Chains in a batch are padded to the longest, so lengths may differ by this factor at the most.
const MAX_PADDING = 1.5
/** Tokens of a chain in one batch; the rest of a longer one goes on in the next round. */
const MAX_CHAIN_LENGTH = 256
/** Floats one batch may need, 128 MiB of them; only models far larger than `small` come near it. A single chain may exceed it. */
const MAX_BATCH_FLOATS = 2 ** 25

/** Plans the computation of `waiting` nodes, parents before children, as batches to be run in order. */
export function planBatches(
  tree: PrefixTree,
  waiting: readonly number[],
  config: GptNeoConfig,
): PlannedBatch[] {
  return chainRounds(tree, waiting).flatMap(round =>
    splitRound(tree, round, config).map(chains => layOut(tree, chains)),
  )
}

/** Floats the largest tensors of a batch (B, T) over P cached rows hold: keys and values, attention scores of one layer, its inner activations. */
function batchFloats(config: GptNeoConfig, batch: number, time: number, past: number): number {
  const seen = past + time
  return batch * (seen * cacheRowSize(config) + time * (config.numHeads * seen + config.intermediateSize))
}

/** A chain goes on while each node has one waiting child; a second child starts a new chain, one round after its parent's. */
function chainRounds(tree: PrefixTree, waiting: readonly number[]): Chain[][] {
  const rounds: Chain[][] = []
  const places = new Map<number, { chain: Chain; round: number }>()
  for (const node of waiting) {
    const parent = tree.parent(node)
    const place = places.get(parent)
    if (place?.chain.at(-1) === parent && place.chain.length < MAX_CHAIN_LENGTH) {
      place.chain.push(node)
      places.set(node, place)
    } else {
      const chain = [node]
      const round = place === undefined ? 0 : place.round + 1
      ;(rounds[round] ??= []).push(chain)
      places.set(node, { chain, round })
    }
  }
  return rounds
}

function splitRound(tree: PrefixTree, chains: Chain[], config: GptNeoConfig): Chain[][] {
  const past = (chain: Chain): number => tree.depth(chain[0]!) - 1
  chains.sort((a, b) => a.length - b.length || past(a) - past(b))
  const batches: Chain[][] = []
  let batch: Chain[] = []
  let longestPast = 0
  for (const chain of chains) {
    longestPast = Math.max(longestPast, past(chain))
    const isFull =
      batch.length === MAX_CHAINS ||
      (batch.length > 0 &&
        (chain.length > batch[0]!.length * MAX_PADDING ||
          batchFloats(config, batch.length + 1, chain.length, longestPast) > MAX_BATCH_FLOATS))
    if (isFull) {
      batches.push(batch)
      batch = []
      longestPast = past(chain)
    }
    batch.push(chain)
  }
  batches.push(batch)
  return batches
}

function layOut(tree: PrefixTree, chains: readonly Chain[]): PlannedBatch {
  const batch = chains.length
  const time = chains.reduce((longest, chain) => Math.max(longest, chain.length), 0)
  const pastLengths = Int32Array.from(chains, chain => tree.depth(chain[0]!) - 1)
  const past = pastLengths.reduce((longest, length) => Math.max(longest, length), 0)
  const tokens = new Int32Array(batch * time)
  const rows = new Int32Array(batch * time).fill(-1)
  const pastRows = new Int32Array(batch * past)
  chains.forEach((chain, b) => {
    chain.forEach((node, t) => {
      tokens[b * time + t] = tree.token(node)
      rows[b * time + t] = node
    })
    let ancestor = tree.parent(chain[0]!)
    for (let p = pastLengths[b]! - 1; p >= 0; p--) {
      pastRows[b * past + p] = ancestor
      ancestor = tree.parent(ancestor)
    }
  })
  return { step: { batch, time, tokens, rows, past, pastRows, pastLengths }, nodes: rows }
}
