/*
 * msgpack of the plain kinds only: nil, booleans, numbers, texts, arrays and maps. The decoder gives extensions a meaning (regular
 * expressions, errors, records that define each other), allocates what a header announces and recurses as deep as the bytes say; on bytes of
 * strangers that is looked over first.
 */

/** Bounds of what a frame may hold. */
export interface PlainLimits {
  /** Arrays and maps within each other. */
  readonly maxDepth: number
  /** Arrays and maps in all. */
  readonly maxContainers: number
  /** Pairs of one map. */
  readonly maxPairs: number
}

interface Scan {
  readonly bytes: Buffer
  readonly limits: PlainLimits
  at: number
  containers: number
}

/** Says why bytes are not exactly one plain msgpack value within the limits; undefined if they are. */
export function plainFault(bytes: Buffer, limits: PlainLimits): string | undefined {
  const scan: Scan = { bytes, limits, at: 0, containers: 0 }
  const fault = skipValue(scan, 0)
  if (fault !== undefined) return fault
  return scan.at === bytes.length ? undefined : 'bytes follow after the value'
}

const CUT_OFF = 'it is cut off'

function skipValue(scan: Scan, depth: number): string | undefined {
  const { bytes, at } = scan
  if (at >= bytes.length) return CUT_OFF
  const type = bytes[at]!
  scan.at++
  if (type < 0x80 || type >= 0xe0 || (type >= 0xc0 && type <= 0xc3 && type !== 0xc1)) return undefined
  if (type < 0x90) return skipItems(scan, type & 0x0f, 2, depth)
  if (type < 0xa0) return skipItems(scan, type & 0x0f, 1, depth)
  if (type < 0xc0) return skipBytes(scan, type & 0x1f)
  return skipSized(scan, type, depth)
}

function skipSized(scan: Scan, type: number, depth: number): string | undefined {
  switch (type) {
    case 0xcc:
    case 0xd0:
      return skipBytes(scan, 1)
    case 0xcd:
    case 0xd1:
      return skipBytes(scan, 2)
    case 0xca:
    case 0xce:
    case 0xd2:
      return skipBytes(scan, 4)
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return skipBytes(scan, 8)
    case 0xd9:
      return withLength(scan, 1, length => skipBytes(scan, length))
    case 0xda:
      return withLength(scan, 2, length => skipBytes(scan, length))
    case 0xdb:
      return withLength(scan, 4, length => skipBytes(scan, length))
    case 0xdc:
      return withLength(scan, 2, count => skipItems(scan, count, 1, depth))
    case 0xdd:
      return withLength(scan, 4, count => skipItems(scan, count, 1, depth))
    case 0xde:
      return withLength(scan, 2, count => skipItems(scan, count, 2, depth))
    case 0xdf:
      return withLength(scan, 4, count => skipItems(scan, count, 2, depth))
    default:
      return `it holds a value of type 0x${type.toString(16)}, which this protocol does not use`
  }
}

function withLength(
  scan: Scan,
  size: number,
  use: (length: number) => string | undefined,
): string | undefined {
  const { bytes, at } = scan
  if (at + size > bytes.length) return CUT_OFF
  scan.at += size
  return use(bytes.readUIntBE(at, size))
}

function skipBytes(scan: Scan, count: number): string | undefined {
  scan.at += count
  return scan.at > scan.bytes.length ? CUT_OFF : undefined
}

/** @param width values an item has: 2 in maps */
function skipItems(scan: Scan, count: number, width: number, depth: number): string | undefined {
  const { maxDepth, maxContainers, maxPairs } = scan.limits
  if (depth >= maxDepth) return `it is nested deeper than ${maxDepth} levels`
  if (++scan.containers > maxContainers) return `it holds more than ${maxContainers} arrays and maps`
  if (width === 2 && count > maxPairs) return `a map has more than ${maxPairs} pairs`
  // Each value takes a byte at least: a header that announces more than is there is refused before anything is made for it.
  if (count * width > scan.bytes.length - scan.at) return CUT_OFF
  for (let i = 0; i < count; i++) {
    const fault = (width === 2 ? skipKey(scan) : undefined) ?? skipValue(scan, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

function skipKey(scan: Scan): string | undefined {
  const type = scan.bytes[scan.at] ?? 0
  const isText = (type >= 0xa0 && type < 0xc0) || (type >= 0xd9 && type <= 0xdb)
  return isText ? skipValue(scan, 0) : 'a key of a map is not a text'
}
