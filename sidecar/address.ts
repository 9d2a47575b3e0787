import { isIP } from 'node:net'

/** Where a sidecar listens. */
export type SidecarAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** How an address is written; ends the sentence "must be". */
export const ADDRESS_FORM = 'unix:PATH (of at most 103 bytes) or tcp:HOST:PORT'

/** What the system takes at the most for the path of a socket, in bytes. */
const MAX_SOCKET_PATH = 103
const MAX_PORT = 65_535

/** An address from its text: `unix:/run/logneo/sidecar.sock`, `tcp:127.0.0.1:9465`, `tcp:[::1]:9465`. Undefined if it is none. */
export function parseAddress(text: string): SidecarAddress | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice(5)
    const isUsable = path !== '' && !path.includes('\0') && Buffer.byteLength(path) <= MAX_SOCKET_PATH
    return isUsable ? { kind: 'unix', path } : undefined
  }
  const endpoint = text.startsWith('tcp:') ? parseEndpoint(text.slice(4)) : undefined
  return endpoint && { kind: 'tcp', ...endpoint }
}

/** `HOST:PORT`, a host with colons in square brackets. Undefined if it is none. */
export function parseEndpoint(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, six, other, digits] = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? []
  const host = six ?? other
  const port = Number(digits)
  if (host === undefined || port > MAX_PORT || (six !== undefined && isIP(six) !== 6)) return undefined
  return { host, port }
}

/** The text of an address. */
export function formatAddress(address: SidecarAddress): string {
  return address.kind === 'unix'
    ? `unix:${address.path}`
    : `tcp:${formatEndpoint(address.host, address.port)}`
}

export const formatEndpoint = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** Whether only programs of the same machine reach the address. */
export function isLocal(address: SidecarAddress): boolean {
  if (address.kind === 'unix') return true
  return address.host === 'localhost' || address.host === '::1' || address.host.startsWith('127.')
}

/** What node:net takes to listen or connect. */
export function socketOptions(address: SidecarAddress): { path: string } | { host: string; port: number } {
  return address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }
}
