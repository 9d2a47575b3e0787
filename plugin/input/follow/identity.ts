import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'

/** Bytes at the beginning of a file that tell it from others. */
const HEAD_BYTES = 1024
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])

/** What a file begins with: that stays when it is renamed, copied or compressed, and changes when it is written anew. */
export interface Fingerprint {
  /** How many bytes it covers; a short file has few. */
  readonly bytes: number
  readonly sha256: string
}

/** How far a file was read. */
export interface Position {
  readonly device: number
  readonly inode: number
  /** Bytes, of a compressed file as they are unpacked. */
  readonly offset: number
  readonly fingerprint: Fingerprint
  /** Made up when the content was begun: no other has it, not even in the same file written anew. Missing where an earlier version read it. */
  readonly incarnation?: string | undefined
}

export function fingerprintOf(head: Buffer): Fingerprint {
  const covered = head.subarray(0, HEAD_BYTES)
  return { bytes: covered.length, sha256: createHash('sha256').update(covered).digest('hex') }
}

/** Whether it covers as much as it ever will. */
export const isWhole = ({ bytes }: Fingerprint): boolean => bytes === HEAD_BYTES

/** Whether a file that begins with `head` can be the one of a fingerprint: it may have grown since. */
export function isSameFile(head: Buffer, { bytes, sha256 }: Fingerprint): boolean {
  return head.length >= bytes && fingerprintOf(head.subarray(0, bytes)).sha256 === sha256
}

/** The beginning of an open plain file. */
export async function readHead(handle: FileHandle): Promise<Buffer> {
  const head = Buffer.alloc(HEAD_BYTES)
  const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, 0)
  return head.subarray(0, bytesRead)
}

/** Whether a file that begins so is compressed. */
export const isGzip = (head: Buffer): boolean => head.subarray(0, 2).equals(GZIP_MAGIC)

/** The beginning of what a file holds, unpacked if it is compressed. Empty where it is damaged. */
export async function readContentHead(path: string): Promise<Buffer> {
  const handle = await open(path)
  try {
    const head = await readHead(handle)
    return isGzip(head) ? await unpackedHead(handle) : head
  } finally {
    await handle.close()
  }
}

async function unpackedHead(handle: FileHandle): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  try {
    const file = handle.createReadStream({ start: 0, autoClose: false })
    const unpacked = file.pipe(createGunzip())
    file.on('error', error => unpacked.destroy(error))
    for await (const piece of unpacked as AsyncIterable<Buffer>) {
      pieces.push(piece)
      bytes += piece.length
      if (bytes >= HEAD_BYTES) break
    }
    file.destroy()
  } catch {
    // What was unpacked up to the damage has to do.
  }
  return Buffer.concat(pieces).subarray(0, HEAD_BYTES)
}
