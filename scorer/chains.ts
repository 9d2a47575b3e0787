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

/** Plans the computation of `waiting` nodes, parents before children, as batches to be run in order. */
export function planBatches(tree: PrefixTree, waiting: readonly number[]): PlannedBatch[] {
  return chainRounds(tree, waiting).flatMap(round =>
    splitRound(tree, round).map(chains => layOut(tree, chains)),
  )
}

/** A chain goes on while each node has one waiting child; a second child starts a new chain, one round after its parent's. */
function chainRounds(tree: PrefixTree, waiting: readonly number[]): Chain[][] {
  const rounds: Chain[][] = []
  const places = new Map<number, { chain: Chain; round: number }>()
  for (const node of waiting) {
    const parent = tree.parent(node)
    const place = places.get(parent)
    if (place !== undefined && place.chain.at(-1) === parent) {
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

function splitRound(tree: PrefixTree, chains: Chain[]): Chain[][] {
  const past = (chain: Chain): number => tree.depth(chain[0]!)
  chains.sort((a, b) => a.length - b.length || past(a) - past(b))
  const batches: Chain[][] = []
  let batch: Chain[] = []
  for (const chain of chains) {
    if (batch.length === MAX_CHAINS || (batch.length > 0 && chain.length > batch[0]!.length * MAX_PADDING)) {
      batches.push(batch)
      batch = []
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
