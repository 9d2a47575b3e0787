import { readFileSync } from 'node:fs'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { EmailChannel } from '../alerts/email.js'
import type { AlertConfig } from '../config-alerts.js'
import { MIN_TLS_VERSION } from '../tls-files.js'
import type { PeerCheck } from './findings.js'

const HTTPS_PORT = 443
const HTTP_PORT = 80

/** Whether each channel can be reached; sends no message. */
export function alertChecks({ channels: { slack, webhook, email } }: AlertConfig): PeerCheck[] {
  return [
    ...(slack ? [webhookCheck('alerts.slack', slack.url)] : []),
    ...(webhook ? [webhookCheck('alerts.webhook', webhook.url)] : []),
    ...(email ? [emailCheck(email)] : []),
  ]
}

/** Connects to the host alone: the rest of the address may be a secret, and asking for it might count as a message. */
function webhookCheck(part: string, url: string): PeerCheck {
  const { hostname, host, protocol, port } = new URL(url)
  const isTls = protocol === 'https:'
  const target = {
    // As sockets want IPv6 addresses: without brackets.
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (isTls ? HTTPS_PORT : HTTP_PORT),
  }
  return {
    part,
    peer: host,
    advice: 'see that the address is right, and that firewalls and proxies let us through',
    look: async (findings, signal) => {
      await reach(target, isTls, signal)
      findings.ok(
        `it takes connections${isTls ? ' by TLS' : ''}; whether it takes messages shows with the first one`,
      )
    },
  }
}

function reach(target: { host: string; port: number }, isTls: boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const opened = (): void => {
      socket.destroy()
      resolve()
    }
    const socket: Socket = isTls
      ? connectTls({ ...target, ...serverName(target.host), minVersion: MIN_TLS_VERSION }, opened)
      : connectPlain(target, opened)
    socket.on('error', reject)
    signal.addEventListener('abort', () => socket.destroy(), { once: true })
  })
}

/** Addresses are no names that a certificate could be asked for by. */
const serverName = (host: string): { servername?: string } =>
  /^[\d.]+$|:/.test(host) ? {} : { servername: host }

function emailCheck({ caFile, ...options }: NonNullable<AlertConfig['channels']['email']>): PeerCheck {
  const { host, port, secure, username } = options
  return {
    part: 'alerts.email',
    peer: `${host}:${port}`,
    advice:
      'see that host, port and secure fit (465: secure, 587: not), and that username and password are right',
    look: async (findings, signal) => {
      const ca = caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') }
      const channel = await EmailChannel.open({ ...options, ...ca })
      signal.addEventListener('abort', () => channel.close(), { once: true })
      try {
        await channel.transporter.verify()
      } finally {
        channel.close()
      }
      const who = username === undefined ? '' : `, and us as ${username}`
      findings.ok(`it takes connections${secure ? ' by TLS' : ''}${who}; no mail was sent`)
    },
  }
}
