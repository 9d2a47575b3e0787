import type { Client } from '../client.js'
import type { Random } from '../random.js'
import type { Interruption } from '../visit.js'

/** Strikes before the statement that follows `count` statements of an open transaction. */
function insideTransaction(count: number): (client: Client) => boolean {
  let seen = 0
  return client => client.status === 'T' && ++seen >= count
}

function afterStatements(count: number): (client: Client) => boolean {
  return client => client.numStatements >= count
}

/** A message of type `type` whose length field holds `length`. */
function rawMessage(type: string, length: number, body: Buffer): Buffer {
  const header = Buffer.from(`${type}\0\0\0\0`)
  header.writeUInt32BE(length, 1)
  return Buffer.concat([header, body])
}

/** Bytes that no correct client sends, by what is wrong with them. */
const CORRUPT_MESSAGES = {
  unknownType: rawMessage('W', 8, Buffer.from('abcd')),
  shortLength: rawMessage('Q', 2, Buffer.from('SELECT 1\0')),
  truncatedBind: Buffer.concat([
    rawMessage('B', 8, Buffer.from('\0\0\0\x09')),
    rawMessage('S', 4, Buffer.alloc(0)),
  ]),
}

async function sendCorrupt(client: Client, rng: Random): Promise<void> {
  const kind = rng.pick(Object.keys(CORRUPT_MESSAGES) as (keyof typeof CORRUPT_MESSAGES)[])
  client.socket.write(CORRUPT_MESSAGES[kind])
  if (kind === 'truncatedBind') await client.end()
  else await client.waitForClose()
}

/** What strikes a session that does ordinary work, by fault. */
export function interruption(fault: string, rng: Random): Interruption {
  switch (fault) {
    case 'backend-terminated':
      return {
        fault,
        when: afterStatements(rng.int(3, 9)),
        strike: async client => {
          process.kill(client.pid, 'SIGTERM')
          await client.waitForClose('57P01')
        },
      }
    case 'client-vanished':
      return {
        fault,
        when: insideTransaction(rng.int(1, 5)),
        strike: client => client.vanish(rng.chance(0.4)),
      }
    case 'idle-in-transaction':
      return { fault, when: insideTransaction(rng.int(1, 5)), strike: client => client.waitForClose('25P03') }
    case 'corrupt-message':
      return { fault, when: afterStatements(rng.int(2, 6)), strike: client => sendCorrupt(client, rng) }
    default:
      throw new RangeError(`no interruption is called ${fault}`)
  }
}

/** First packets that are no start of a session: web request, TLS hello, unknown protocol, nameless log-in. */
export const CORRUPT_STARTUPS: readonly Buffer[] = [
  Buffer.from('GET / HTTP/1.1\r\nHost: db\r\n\r\n'),
  Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
  Buffer.from([0, 0, 0, 8, 0, 255, 0, 255]),
  Buffer.from([0, 0, 0, 9, 0, 3, 0, 0, 0]),
]
