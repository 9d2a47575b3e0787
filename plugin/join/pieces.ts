/** What a container runtime says of a line. */
export interface Piece {
  /** What the program wrote. */
  readonly content: string
  /** Whether the runtime broke the line and more of it follows. */
  readonly isBroken: boolean
  /** `stdout` or `stderr`, where the line itself says so. */
  readonly output?: string | undefined
}

/** What fields of a record say of its line: the names that Fluent Bit, Fluentd and Vector use. */
export interface PieceFields {
  /** CRI's flag, `P` or `F`. */
  readonly logtag: string | undefined
  /** `true` on all pieces of a line. */
  readonly partialMessage: string | undefined
  /** `true` on the last of them. */
  readonly partialLast: string | undefined
  /** Vector's mark of all pieces but the last. */
  readonly vectorPartial: string | undefined
}

/** `2024-05-01T10:00:00.123456789Z stdout F text`; further flags may follow the first after colons. */
const CRI = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d) (stdout|stderr) ([PF])(?::[A-Z]+)* ?/
/** No CRI header is longer. */
const MAX_CRI_HEADER = 96
const BRACE = 0x7b
const LETTER_T = 0x54
const DOCKER = /^\{"log":"/
/** Docker breaks lines long before; objects take many times the memory of their text. */
const MAX_DOCKER_LENGTH = 1 << 20

const isDocker = (line: string): boolean => line.length <= MAX_DOCKER_LENGTH && DOCKER.test(line)

/** What a raw line of CRI or Docker says of itself; nothing when it is neither. */
export function rawPiece(line: string): Piece | undefined {
  // Nearly all lines are neither, and show it here.
  const first = line.charCodeAt(0)
  if (first === BRACE) return isDocker(line) ? dockerPiece(line) : undefined
  if (line.charCodeAt(10) !== LETTER_T) return undefined
  const cri = CRI.exec(line.length > MAX_CRI_HEADER ? line.slice(0, MAX_CRI_HEADER) : line)
  if (cri !== null) return { content: line.slice(cri[0].length), isBroken: cri[2] === 'P', output: cri[1] }
  return undefined
}

/** Docker's file driver ends the text of whole lines with a newline. */
function dockerPiece(line: string): Piece | undefined {
  try {
    const { log, stream } = JSON.parse(line) as { log?: unknown; stream?: unknown }
    if (typeof log !== 'string') return undefined
    const isBroken = !log.endsWith('\n')
    const output = typeof stream === 'string' ? stream : undefined
    return { content: isBroken ? log : log.slice(0, -1), isBroken, output }
  } catch {
    return undefined
  }
}

/** What fields say; nothing when none of them is there. */
export function fieldPiece(
  line: string,
  { logtag, partialMessage, partialLast, vectorPartial }: PieceFields,
): Piece | undefined {
  const content = withoutEnd(line)
  if (logtag === 'P' || logtag === 'F') return { content, isBroken: logtag === 'P' }
  if (vectorPartial !== undefined) return { content, isBroken: vectorPartial === 'true' }
  if (partialMessage !== 'true') return undefined
  return { content, isBroken: partialLast !== 'true' }
}

/** The line that its first piece would be if it were whole. @param content of all pieces */
export function joinedLine(first: string, content: string): string {
  const cri = CRI.exec(first.slice(0, MAX_CRI_HEADER))
  if (cri !== null) {
    const header = cri[0]
    const flag = header.lastIndexOf(' P')
    return `${header.slice(0, flag)} F${header.slice(flag + 2)}${content}`
  }
  return isDocker(first) ? dockerLine(first, content) : content
}

function dockerLine(first: string, content: string): string {
  try {
    return JSON.stringify({ ...(JSON.parse(first) as object), log: `${content}\n` })
  } catch {
    return content
  }
}

/** A line without the newline that some readers leave at its end. */
export const withoutEnd = (line: string): string => (line.endsWith('\n') ? line.slice(0, -1) : line)
