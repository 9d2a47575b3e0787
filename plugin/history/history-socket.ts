import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { HistoryError } from './database.js'
import type { HistoryQuery } from './history-store.js'

const SOCKET_FILE = 'history.sock'
/** Longest path that a Unix socket takes, in bytes. */
const MAX_PATH_BYTES = 107
const MAX_QUERY_BYTES = 64 * 1024
const TIMEOUT_MS = 60_000

/** Where the history in a folder is asked for. @throws HistoryError when the path is too long for a socket */
export function socketPath(folder: string): string {
  const path = join(folder, SOCKET_FILE)
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return path
  throw new HistoryError(
    `${path} is too long for a socket: set persist.embedded.path to a shorter folder`,
    false,
  )
}

/**
 * Whoever listens here owns the database in the folder, which only one process may use, and answers others who want to read it. Only the
 * folder's owner gets in.
 */
export class HistorySocket {
  private constructor(
    readonly server: Server,
    readonly path: string,
  ) {}

  /** @throws HistoryError when another process owns the folder */
  static async listen(
    folder: string,
    answer: (query: HistoryQuery) => Promise<readonly string[]>,
  ): Promise<HistorySocket> {
    const path = socketPath(folder)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    if (await isAnswered(path)) {
      throw new HistoryError(
        `${folder} is used by another process: stop it, or set persist.embedded.path`,
        false,
      )
    }
    // Left behind by a process that was killed.
    await rm(path, { force: true })
    const server = createServer(socket => void serve(socket, answer))
    server.listen(path)
    await once(server, 'listening')
    server.unref()
    return new HistorySocket(server, path)
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close')
    this.server.close()
    await closed
  }
}

async function serve(
  socket: Socket,
  answer: (query: HistoryQuery) => Promise<readonly string[]>,
): Promise<void> {
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  let text = ''
  for await (const part of socket.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += String(part)
    if (text.length > MAX_QUERY_BYTES) return void socket.destroy()
    if (text.includes('\n')) break
  }
  try {
    const rows = await answer(JSON.parse(text) as HistoryQuery)
    socket.end([`{"rows":${rows.length}}`, ...rows, ''].join('\n'))
  } catch (error) {
    socket.end(`${JSON.stringify({ error: (error as Error).message })}\n`)
  }
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path)
  const found = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return found
}

/** Asks the process that owns the history in a folder. @returns undefined when there is none */
export async function askOwner(folder: string, query: HistoryQuery): Promise<string[] | undefined> {
  const path = socketPath(folder)
  if (!(await isAnswered(path))) return undefined
  const socket = connect(path)
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer')))
  socket.write(`${JSON.stringify(query)}\n`)
  const lines: string[] = []
  for await (const line of createInterface(socket)) lines.push(line)
  const [first, ...rows] = lines
  const { error, rows: count } = JSON.parse(first ?? '{}') as { error?: string; rows?: number }
  if (error !== undefined) throw new HistoryError(error, false)
  if (count !== rows.length)
    throw new HistoryError(`the answer of the process that owns ${folder} was cut off`, true)
  return rows
}
