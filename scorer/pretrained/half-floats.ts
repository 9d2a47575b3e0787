/** Widens bfloat16 numbers: they are the upper halves of float32 ones. */
export function widenBfloat16(bits: Uint16Array, target: Float32Array): void {
  const words = new Uint32Array(target.buffer, target.byteOffset, target.length)
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16
}

/** Widens float16 numbers (IEEE 754 binary16). */
export function widenFloat16(bits: Uint16Array, target: Float32Array): void {
  for (let i = 0; i < bits.length; i++) target[i] = float16(bits[i]!)
}

/** One sign bit, five of exponent (bias 15), ten of fraction; exponent 0 is subnormal, 31 infinity or NaN. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1024 + fraction) * POWERS[exponent]!
}

/** 2^(exponent - 25): the scale of a fraction read as an integer. */
const POWERS = Float64Array.from({ length: 32 }, (_, exponent) => 2 ** (exponent - 25))
