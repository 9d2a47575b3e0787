import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls } from 'node:tls'
import { MIN_TLS_VERSION, type TlsClientFiles, type TlsContents } from '../tls-files.js'
import type { ResolvedForwardOutputOptions } from './forward-options.js'

/** Where a connection goes and how. */
export interface Target extends Pick<ResolvedForwardOutputOptions, 'host' | 'port' | 'path'> {
  readonly tls?: (TlsClientFiles & { readonly contents: TlsContents }) | undefined
}

/** Begins to connect; `opened` is called once data may be sent, with TLS after its handshake. */
export function openSocket({ host, port, path, tls }: Target, opened: () => void): Socket {
  const where = path === undefined ? { host, port, noDelay: true, keepAlive: true } : { path }
  if (tls === undefined) return connectPlain(where, opened)
  const servername = tls.serverName ?? (path === undefined && isIP(host) === 0 ? host : undefined)
  return connectTls(
    {
      ...where,
      ...tls.contents,
      ...(servername !== undefined && { servername }),
      checkServerIdentity: (name, certificate) => checkServerIdentity(tls.serverName ?? name, certificate),
      minVersion: MIN_TLS_VERSION,
      rejectUnauthorized: tls.verify ?? true,
    },
    opened,
  )
}
