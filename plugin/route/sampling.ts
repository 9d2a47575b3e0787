/** Whether a session is among a share of all sessions: always the same ones, on every replica. */
export function isSampled(session: string, share: number): boolean {
  return share >= 1 || (share > 0 && hash(session) < share * 2 ** 32)
}

/** FNV-1a of the text's UTF-16 units, finished as in MurmurHash3, without which texts that differ at their end alone stay close together. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
