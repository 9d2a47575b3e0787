import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { lstat, unlink } from 'node:fs/promises'
import { type AddressInfo, connect, type Server } from 'node:net'
import { formatAddress, type SidecarAddress, socketOptions } from './address.js'
import { ListenError } from './errors.js'

/** Whoever may write to the socket may ask the model: only its owner. */
const SOCKET_MODE = 0o600
const GROUP_AND_OTHERS = 0o177

/**
 * Listens. A socket file that nobody listens on any more, as after a kill, is replaced.
 * @returns the address, with the port that was free where 0 was asked for
 * @throws ListenError
 */
export async function listenOn(server: Server, address: SidecarAddress): Promise<SidecarAddress> {
  if (address.kind === 'unix') await removeStale(address.path)
  try {
    await listen(server, address)
  } catch (cause) {
    const { message } = cause as Error
    throw new ListenError(
      `cannot listen on ${formatAddress(address)}: ${message}; choose another --listen`,
      cause,
    )
  }
  return address.kind === 'unix' ? address : { ...address, port: (server.address() as AddressInfo).port }
}

async function listen(server: Server, address: SidecarAddress): Promise<void> {
  const listening = once(server, 'listening')
  // The file must not be open to others for a moment: the system makes it in the call, with what the mask leaves.
  const mask = address.kind === 'unix' ? process.umask(GROUP_AND_OTHERS) : undefined
  try {
    server.listen(socketOptions(address))
  } finally {
    if (mask !== undefined) process.umask(mask)
  }
  await listening
  if (address.kind === 'unix') chmodSync(address.path, SOCKET_MODE)
}

async function removeStale(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined)
  if (file === undefined) return
  if (!file.isSocket())
    throw new ListenError(`${path} is there and no socket: choose another --listen, or move it away`)
  if (await isAnswered(path))
    throw new ListenError(`another process listens on ${path}: stop it, or choose another --listen`)
  await unlink(path).catch(() => {})
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
