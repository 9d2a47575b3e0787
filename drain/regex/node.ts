import type { CharSet } from './char-set.js'

/** Abstract syntax of a pattern. */
export type Node =
  | { readonly kind: 'empty' }
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'concat'; readonly items: readonly Node[] }
  | { readonly kind: 'alternate'; readonly items: readonly Node[] }
  | {
      readonly kind: 'repeat'
      readonly item: Node
      readonly min: number
      readonly max: number
      readonly isLazy: boolean
    }
  | { readonly kind: 'capture'; readonly index: number; readonly item: Node }
  | { readonly kind: 'assert'; readonly assertion: Assertion }

/** A condition on the unit before and the unit after a position; the text's ends are in no set. */
export type Assertion =
  | { readonly kind: 'textStart' }
  | { readonly kind: 'textEnd' }
  | { readonly kind: 'before' | 'after'; readonly set: CharSet; readonly isNegated: boolean }
  | { readonly kind: 'boundary'; readonly isNegated: boolean }

/** Least and greatest number of units that a node can match. */
export function lengthBounds(node: Node): readonly [number, number] {
  switch (node.kind) {
    case 'set':
      return [1, 1]
    case 'empty':
    case 'assert':
      return [0, 0]
    case 'capture':
      return lengthBounds(node.item)
    case 'concat':
      return node.items.map(lengthBounds).reduce((a, b) => [a[0] + b[0], a[1] + b[1]], [0, 0] as const)
    case 'alternate':
      return node.items.map(lengthBounds).reduce((a, b) => [Math.min(a[0], b[0]), Math.max(a[1], b[1])])
    case 'repeat': {
      const [min, max] = lengthBounds(node.item)
      return [min * node.min, max === 0 || node.max === 0 ? 0 : max * node.max]
    }
  }
}
