import { createConnection, type NetConnectOpts } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { AbstractConnector as AbstractConnectorType } from 'ioredis'

/** What the client library hands to its connectors. */
interface ConnectorOptions {
  readonly host?: string
  readonly port?: number
  readonly family?: number
  readonly path?: string
  readonly tls?: ConnectionOptions
  readonly disconnectTimeout: number
}

/**
 * How the client library connects. Its own connector listens to the first error of a socket alone, and a second one (a TLS alert after a
 * certificate was refused) would end the process; this one takes them all.
 */
export function connectorOf({
  AbstractConnector,
}: Pick<typeof import('ioredis'), 'AbstractConnector'>): new (
  options: unknown,
) => AbstractConnectorType {
  return class extends AbstractConnector {
    readonly #options: ConnectorOptions

    constructor(options: unknown) {
      super((options as ConnectorOptions).disconnectTimeout)
      this.#options = options as ConnectorOptions
    }

    async connect() {
      const { host, port, family, path, tls } = this.#options
      const where = (path === undefined ? { host, port, family } : { path }) as NetConnectOpts
      const stream = tls === undefined ? createConnection(where) : connectTls({ ...where, ...tls })
      stream.on('error', error => {
        this.firstError ??= error
      })
      this.connecting = true
      this.stream = stream
      return stream
    }
  }
}
