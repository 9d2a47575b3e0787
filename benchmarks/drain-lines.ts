/** Lines like those of a file system's servers, the same for the same seed: for benchmarks without a file of one's own. */
export function makeLines(count: number, seed = 42): string[] {
  const random = makeRandom(seed)
  const lines: string[] = []
  for (let i = 0; i < count; i++) {
    const second = 30_000 + Math.floor(i / 40)
    const time = new Date(Date.UTC(2024, 2, 1) + second * 1_000).toISOString().slice(0, 19).replace('T', ' ')
    const message = MESSAGES[Math.floor(random() * MESSAGES.length)]!(random)
    lines.push(
      `${time},${String(i % 1_000).padStart(3, '0')} INFO [worker-${i % 16}] store.Node$Receiver: ${message}`,
    )
  }
  return lines
}

/** One-word-different lines that make so many templates in one leaf of the tree, and as many lines again. */
export function makeManyTemplates(numTemplates: number): string[] {
  const name = (i: number) => i.toString(26).replaceAll(/[0-9]/g, digit => 'qrstuvwxyz'[Number(digit)]!)
  const lines = Array.from(
    { length: numTemplates },
    (_, i) => `unit ${name(i)} ${name(i * 7 + 1)} ${name(i * 31 + 5)}`,
  )
  return [...lines, ...lines, ...lines]
}

type Random = () => number

const integer = (random: Random, max: number) => Math.floor(random() * max)
const address = (random: Random) =>
  `/10.25${integer(random, 5)}.${integer(random, 255)}.${integer(random, 255)}:${40_000 + integer(random, 9_999)}`
const block = (random: Random) => `blk_${integer(random, 2) === 0 ? '-' : ''}${integer(random, 2 ** 52)}`

const MESSAGES: readonly ((random: Random) => string)[] = [
  random => `Receiving block ${block(random)} src: ${address(random)} dest: ${address(random)}`,
  random => `Received block ${block(random)} of size ${integer(random, 67_108_864)} from ${address(random)}`,
  random => `PacketResponder ${integer(random, 3)} for block ${block(random)} terminating`,
  random =>
    `blockMap updated: ${address(random)} is added to ${block(random)} size ${integer(random, 67_108_864)}`,
  random =>
    `Deleting block ${block(random)} file /mnt/store/current/subdir${integer(random, 64)}/${block(random)}`,
  random => `Verification succeeded for ${block(random)}`,
]

/** A small generator whose numbers are the same everywhere (mulberry32). */
function makeRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
