import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Counters } from '../chunk.js'
import { MIN_TLS_VERSION, readTlsFiles } from '../tls-files.js'
import type { ResolvedForwardServerOptions } from './forward-options.js'

/** A listening socket, plain or TLS. */
export interface Listener {
  readonly server: Server
  /** Cuts off connections that have not come as far as being handed over. */
  destroyPending(): void
}

const SOCKET_OPTIONS = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true } as const

/**
 * Makes a server that hands over connections, with TLS once that stands.
 *
 * @param counters counts `forward_tls_errors_total`
 * @throws ConfigError when the TLS files cannot be used
 */
export function makeListener(
  { tls, handshakeTimeoutMs, maxConnections }: ResolvedForwardServerOptions,
  onSocket: (socket: Socket) => void,
  counters: Counters,
): Listener {
  if (tls === undefined) return { server: createServer(SOCKET_OPTIONS, onSocket), destroyPending() {} }
  const isClientAsked = tls.requireClientCertificate ?? false
  const server = createTlsServer(
    {
      ...SOCKET_OPTIONS,
      ...readTlsFiles('forward.tls', tls),
      minVersion: MIN_TLS_VERSION,
      requestCert: isClientAsked,
      rejectUnauthorized: isClientAsked,
      handshakeTimeout: handshakeTimeoutMs,
    },
    socket => {
      pending.delete(addressOf(socket))
      onSocket(socket)
    },
  )
  const pending = new Map<string, Socket>()
  // Beyond this the kernel's connection is closed before it costs a TLS handshake.
  server.maxConnections = maxConnections
  server.on('tlsClientError', (_, socket) => {
    counters.increment('forward_tls_errors_total')
    // After a timeout nobody else does.
    socket.destroy()
  })
  server.on('drop', () => counters.increment('forward_connections_refused_total'))
  server.on('connection', (socket: Socket) => {
    const address = addressOf(socket)
    pending.set(address, socket)
    socket.once('close', () => pending.delete(address))
  })
  return {
    server,
    destroyPending() {
      for (const socket of pending.values()) socket.destroy()
    },
  }
}

/** Names a connection, whether seen with TLS or below it. */
const addressOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
