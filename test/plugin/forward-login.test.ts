import t from 'tap'
import { keyDigest } from '../../plugin/forward-auth.js'
import { decodeValue } from '../../plugin/msgpack/decode.js'
import { FrameReader } from '../../plugin/msgpack/frame-reader.js'
import { ForwardOutput } from '../../plugin/output/forward.js'
import { gate, packed, plainEntries, startServer } from '../fixtures/forward-peer.js'
import { encode } from '../fixtures/forward-values.js'

const KEY = 'a key that two sides share'

// As Fluent Bit does, with and without users.
t.test('a receiver that sends a salt for users, and knows none, is logged in to without a name', async t => {
  const nonce = Buffer.from('n')
  const hostname = Buffer.from('fluent-bit')
  const logins: unknown[] = []
  const delivered = gate<unknown>()
  const { port } = await startServer(t, socket => {
    const reader = new FrameReader(1 << 16)
    const take = (message: readonly string[]): void => {
      if (message[0] !== 'PING') {
        delivered.open(message[0])
        return
      }
      logins.push(message)
      const proof = keyDigest({ salt: Buffer.from(message[2]!), hostname, nonce, sharedKey: KEY })
      socket.write(encode(['PONG', true, '', hostname.toString(), proof.toString()]))
    }
    socket.write(encode(['HELO', { nonce, auth: Buffer.alloc(16, 7), keepalive: true }]))
    socket.on('data', data =>
      reader.push(data, frame => take(decodeValue(frame, 0, frame.length) as string[])),
    )
  })
  const output = new ForwardOutput({ port, sharedKey: KEY, requireAck: false })
  await output.send('app', packed(plainEntries('line')), 1)
  t.equal(await delivered.wait, 'app')
  await output.close()
  t.match(logins, [['PING', String, String, /^[0-9a-f]{128}$/, '', '']])
})
