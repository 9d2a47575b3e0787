import { RedisClient } from '../store/redis-client.js'
import { type RedisStoreOptions, resolveRedisStoreOptions } from '../store/redis-options.js'
import { noteClock } from './clock.js'
import type { Findings, PeerCheck } from './findings.js'

const ADVICE = 'see that the server runs, and that url, username, password and tls are right'

/** Logs in and reads; writes no key. */
export function redisCheck(given: RedisStoreOptions): PeerCheck {
  const options = resolveRedisStoreOptions(given)
  return {
    part: 'store',
    peer: placeOf(options.url),
    advice: ADVICE,
    look: async (findings, signal) => {
      let lastWarning = 'it cannot be reached'
      const client = await RedisClient.open(options, message => {
        lastWarning = message
      })
      signal.addEventListener('abort', () => client.close(), { once: true })
      try {
        if (!client.isReady) throw new Error(lastWarning)
        noteServer(fieldsOf(await client.call('info')), findings)
        const [seconds, micros] = (await client.call('time')) as Buffer[]
        noteClock(findings, Number(seconds) * 1000 + Number(micros) / 1000)
      } finally {
        client.close()
      }
    },
  }
}

/** What must hold so that no session is lost. */
function noteServer(fields: ReadonlyMap<string, string>, findings: Findings): void {
  const role = fields.get('role')
  findings.ok(`Redis ${fields.get('redis_version')}, ${role}`)
  if (role === 'slave')
    findings.failed('it is a replica, which takes no writes', 'name its master, or put a proxy before them')
  const policy = fields.get('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction')
    findings.warning(
      `it evicts by ${policy} when its memory is full: sessions would vanish`,
      'set maxmemory-policy noeviction',
    )
  if (fields.get('aof_enabled') === '0')
    findings.warning('what it holds is gone when it dies', 'set appendonly yes')
}

/** `name:value` lines. */
function fieldsOf(info: unknown): ReadonlyMap<string, string> {
  const lines = String(info).split('\r\n')
  return new Map(lines.map(line => line.split(':', 2) as [string, string]))
}

function placeOf(url: string): string {
  return url.startsWith('/') ? url : new URL(url).host
}
