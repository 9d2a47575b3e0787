/** Bounds that several sections share. */
export const MIB = 2 ** 20
/** Longest delay a timer takes. */
export const MAX_MS = 2 ** 31 - 1
export const MAX_SECONDS = 10 * 365 * 86_400
