import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { EntryIndex, type PackedEntries } from '../../plugin/chunk.js'
import { ClosedError, ConfigError, DeliveryError, RecordTooLargeError } from '../../plugin/errors.js'
import { decodeValue } from '../../plugin/msgpack/decode.js'
import { FrameReader } from '../../plugin/msgpack/frame-reader.js'
import { skip } from '../../plugin/msgpack/scan.js'
import { encodeText, PackWriter } from '../../plugin/msgpack/write.js'
import { ForwardOutput } from '../../plugin/output/forward.js'
import { openEntry } from '../../plugin/output/forward-entry.js'
import type { ForwardOutputOptions } from '../../plugin/output/forward-options.js'
import {
  fluentBitEntries,
  gate,
  packed,
  plainEntries,
  Receiver,
  startServer,
  Tally,
} from '../fixtures/forward-peer.js'
import { encode, eventTime } from '../fixtures/forward-values.js'

/** An output to `port` that is closed at the end of the test, with what it counted and said. */
function outputTo(t: Test, port: number, options: ForwardOutputOptions = {}) {
  const counters = new Tally()
  const warnings: string[] = []
  const output = new ForwardOutput(
    {
      port,
      retryMinMs: 1,
      retryMaxMs: 20,
      closeTimeoutMs: 50,
      warn: text => warnings.push(text),
      ...options,
    },
    counters,
  )
  t.teardown(() => output.close())
  return { output, counters, warnings }
}

/** A frame as the receiver decodes it. */
type Frame = [tag: string, entries: Buffer, options: { size: number; chunk: string }]

/** Calls `onFrame` for each frame that comes over `socket`. */
function readFrames(socket: Socket, onFrame: (frame: Frame) => void): void {
  const reader = new FrameReader(16 << 20)
  socket.on('data', data => reader.push(data, bytes => onFrame(decodeValue(bytes, 0, bytes.length) as Frame)))
}

const ackTo = (socket: Socket, frame: Frame): boolean => socket.write(encode({ ack: frame[2].chunk }))
const messages = (receiver: Receiver) =>
  receiver.records.map(record => (record as { message: string }).message)

t.test('what is sent arrives once, in order, and send resolves when it is acknowledged', async t => {
  const receiver = await Receiver.start(t)
  const { output, counters } = outputTo(t, receiver.address.port)
  t.notOk(output.connected)
  const done = gate()
  receiver.onChunk = () => done.wait
  let isDone = false
  const sends = Promise.all(
    ['a', 'b', 'c'].map(text => output.send('raw', packed(plainEntries(text, `${text}2`)), 2)),
  ).then(() => {
    isDone = true
  })
  await receiver.counters.reaches('forward_chunks_total', 3)
  t.ok(output.connected)
  t.ok(output.queuedBytes > 0)
  t.notOk(isDone)
  done.open()
  await sends
  t.equal(output.queuedBytes, 0)
  t.strictSame(messages(receiver), ['a', 'a2', 'b', 'b2', 'c', 'c2'])
  t.equal(counters.of('forward_output_entries_total'), 6)
  t.equal(counters.of('forward_output_frames_total'), 3)
  t.equal(receiver.counters.of('forward_connections_total'), 1)
})

t.test('without acks a chunk is delivered once it is written', async t => {
  const frames: Frame[] = []
  const got = gate()
  const { port } = await startServer(t, socket =>
    readFrames(socket, frame => {
      if (frames.push(frame) === 2) got.open()
    }),
  )
  const { output } = outputTo(t, port, { requireAck: false })
  await output.send('raw', packed(plainEntries('a')), 1)
  await output.send('raw', packed(plainEntries('b')), 1)
  await output.close()
  await got.wait
  t.strictSame(frames[1], ['raw', packed(plainEntries('b')), { size: 1 }])
})

t.test('frames stay below the limit, whatever the pieces they are sent in', async t => {
  const sizes: number[] = []
  const { port } = await startServer(t, socket => {
    const reader = new FrameReader(16 << 20)
    socket.on('data', data =>
      reader.push(data, bytes => {
        sizes.push(bytes.length)
        ackTo(socket, decodeValue(bytes, 0, bytes.length) as Frame)
      }),
    )
  })
  const { output, counters } = outputTo(t, port, { maxFrameBytes: 10_000 })
  const lines = Array.from({ length: 300 }, (_, i) => `${i} ${'x'.repeat(i)}`)
  const pieces = [lines.slice(0, 7), lines.slice(7, 250), lines.slice(250)].map(part =>
    packed(plainEntries(...part)),
  )
  await output.send('raw', pieces, 300)
  t.ok(sizes.length > 5)
  t.ok(Math.max(...sizes) <= 10_000, `${Math.max(...sizes)}`)
  t.ok(Math.max(...sizes) > 9_000)
  t.equal(counters.of('forward_output_entries_total'), 300)
  await output.send('raw', packed(plainEntries('small', 'y'.repeat(50_000), 'small')), 3)
  t.ok(sizes.at(-2)! > 50_000, 'a larger record goes alone')
  t.ok(sizes.at(-1)! < 200 && sizes.at(-3)! < 200)
})

t.test('split chunks arrive complete and in order', async t => {
  const receiver = await Receiver.start(t)
  const { output } = outputTo(t, receiver.address.port, { maxFrameBytes: 4096 })
  const lines = Array.from({ length: 500 }, (_, i) => `line ${i}`)
  await output.send('raw', packed(plainEntries(...lines)), 500)
  t.strictSame(messages(receiver), lines)
  t.ok(receiver.seen.length > 3)
})

t.test('a record that fits no frame is refused with its place, and nothing is sent', async t => {
  const receiver = await Receiver.start(t)
  const { output } = outputTo(t, receiver.address.port)
  const large = packed(plainEntries('a', 'x'.repeat(6_144_000), 'b'))
  const failure = output.send('raw', large, 3)
  await t.rejects(failure, RecordTooLargeError)
  await t.rejects(failure, { code: 'ERR_FORWARD_RECORD_TOO_LARGE', retriable: false, entryIndex: 1 })
  await t.rejects(
    output.send('raw', [packed(plainEntries('x'.repeat(5_000_000))), Buffer.from([0x92])], 2),
    RangeError,
  )
  const largest = packed(plainEntries('x'.repeat(6_143_800)))
  await output.send('raw', largest, 1)
  t.equal(receiver.seen.length, 1)
  await output.send('raw', Buffer.alloc(0), 0)
  t.equal(receiver.seen.length, 1, 'nothing needs no frame')
})

t.test(
  'after a lost connection everything unacknowledged is sent again under its old ids, in order',
  async t => {
    const connections: Frame[][] = []
    const { port } = await startServer(t, socket => {
      const frames: Frame[] = []
      const nth = connections.push(frames)
      if (nth === 2) socket.destroy()
      readFrames(socket, frame => {
        frames.push(frame)
        if (nth === 3 || frames.length === 1) ackTo(socket, frame)
        else if (frames.length === 3) socket.destroy()
      })
    })
    const { output, counters, warnings } = outputTo(t, port)
    await Promise.all(['1', '2', '3'].map(text => output.send('raw', packed(plainEntries(text)), 1)))
    t.strictSame(connections[2], connections[0]!.slice(1))
    t.equal(counters.of('forward_output_resends_total'), 4)
    t.equal(warnings.length, 2)
    t.match(warnings[0], /trying again/)
    t.match(warnings[1], /takes chunks again/)
  },
)

t.test('what was on its way when the receiver went away is sent once when it is back', async t => {
  const { server, port } = await startServer(t, socket => {
    server.close()
    socket.once('data', () => socket.destroy())
  })
  const { output, counters } = outputTo(t, port)
  const sends = Promise.all(['1', '2'].map(text => output.send('raw', packed(plainEntries(text)), 1)))
  await counters.reaches('forward_output_failures_total', 3)
  const receiver = await Receiver.start(t, { port })
  await sends
  await output.send('raw', packed(plainEntries('3')), 1)
  t.strictSame(messages(receiver), ['1', '2', '3'])
  t.equal(receiver.counters.of('forward_chunks_repeated_total'), 0)
  t.equal(counters.of('forward_output_resends_total'), 2)
})

t.test('a receiver that keeps the ids takes a chunk once although its ack was lost', async t => {
  const receiver = await Receiver.start(t)
  let isFirst = true
  const { port } = await startServer(t, async socket => {
    const peer = await receiver.peer()
    socket.pipe(peer.socket)
    peer.socket.on('data', data => {
      if (isFirst) socket.destroy()
      else socket.write(data)
      isFirst = false
    })
    socket.on('close', () => peer.socket.destroy())
  })
  const { output } = outputTo(t, port)
  await output.send('raw', packed(plainEntries('once')), 1)
  t.strictSame(messages(receiver), ['once'])
  t.equal(receiver.counters.of('forward_chunks_repeated_total'), 1)
})

t.test('an ack that does not come in time', async t => {
  let connections = 0
  const { port } = await startServer(t, socket => {
    const answers = ++connections > 1
    readFrames(socket, frame => answers && ackTo(socket, frame))
  })
  const { output, warnings } = outputTo(t, port, { ackTimeoutMs: 30 })
  await output.send('raw', packed(plainEntries('a')), 1)
  t.equal(connections, 2)
  t.match(warnings[0], /no ack came within 30 ms/)
  await output.send('raw', packed(plainEntries('b')), 1)
  t.equal(connections, 2)
})

t.test('waits between retries double up to a bound, and are spread', async t => {
  const { server, port } = await startServer(t, socket => socket.destroy())
  server.close()
  const delays: number[] = []
  const { output } = outputTo(t, port, {
    retryMinMs: 100,
    retryMaxMs: 1000,
    closeTimeoutMs: 5000,
    random: () => 0.5,
    schedule: (action, delayMs) => {
      const isRetry = delayMs !== 5000
      if (isRetry) delays.push(delayMs)
      if (!isRetry || delays.length < 7) setImmediate(action)
      return () => {}
    },
  })
  const sending = output.send('raw', packed(plainEntries('a')), 1)
  sending.catch(() => {})
  while (delays.length < 7) await new Promise(resolve => setImmediate(resolve))
  t.strictSame(delays.slice(0, 7), [75, 150, 300, 600, 750, 750, 750])
})

t.test('what is sent while the receiver is away is delivered when it is back', async t => {
  const first = new Receiver()
  const { port } = await first.server.listen()
  await first.server.close()
  const { output, counters } = outputTo(t, port)
  const sends = Promise.all(['1', '2', '3'].map(text => output.send('raw', packed(plainEntries(text)), 1)))
  await counters.reaches('forward_output_failures_total', 2)
  t.notOk(output.connected)
  const receiver = await Receiver.start(t, { port })
  await sends
  t.strictSame(messages(receiver), ['1', '2', '3'])
})

t.test('retries that are used up reject what waits; later chunks are tried again', async t => {
  const first = new Receiver()
  const { port } = await first.server.listen()
  await first.server.close()
  const { output, counters } = outputTo(t, port, { maxRetries: 2 })
  await t.rejects(output.send('raw', packed(plainEntries('lost')), 1), DeliveryError)
  t.equal(counters.of('forward_output_failures_total'), 3)
  t.equal(counters.of('forward_output_abandoned_total'), 1)
  t.equal(output.queuedBytes, 0)
  const receiver = await Receiver.start(t, { port })
  while (!output.connected) await new Promise(resolve => setImmediate(resolve))
  await output.send('raw', packed(plainEntries('found')), 1)
  t.strictSame(messages(receiver), ['found'])
})

t.test('a full queue makes send wait, in order', async t => {
  const receiver = await Receiver.start(t)
  const done = gate()
  receiver.onChunk = () => done.wait
  const { output } = outputTo(t, receiver.address.port, { maxQueueBytes: 2500 })
  const sends = Array.from({ length: 10 }, (_, i) =>
    output.send('raw', packed(plainEntries(`${i} ${'x'.repeat(1000)}`)), 1),
  )
  await receiver.counters.reaches('forward_chunks_total', 2)
  t.ok(output.queuedBytes < 2500)
  await new Promise(resolve => setTimeout(resolve, 20))
  t.equal(receiver.seen.length, 2)
  done.open()
  await Promise.all(sends)
  t.strictSame(messages(receiver).map(Number.parseFloat), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  await output.send('raw', packed(plainEntries('y'.repeat(10_000))), 1)
  t.equal(receiver.seen.length, 11, 'one larger than the queue goes alone')
})

t.test('a receiver that does not read does not fill our memory', async t => {
  const release = gate()
  const { port } = await startServer(t, async socket => {
    socket.pause()
    await release.wait
    readFrames(socket, frame => ackTo(socket, frame))
    socket.resume()
  })
  const { output, counters } = outputTo(t, port, { maxInFlightFrames: 1000 })
  const part = packed(plainEntries('x'.repeat(1_000_000)))
  const sends = Promise.all(Array.from({ length: 40 }, () => output.send('raw', part, 1)))
  await counters.reaches('forward_output_frames_total', 1)
  await new Promise(resolve => setTimeout(resolve, 30))
  t.ok(
    counters.of('forward_output_frames_total') < 30,
    `${counters.of('forward_output_frames_total')} frames written`,
  )
  release.open()
  await sends
})

t.test('close delivers what was sent, takes nothing more and lets go', async t => {
  const receiver = await Receiver.start(t)
  const { output } = outputTo(t, receiver.address.port, { maxQueueBytes: 100, closeTimeoutMs: 10_000 })
  const sends = ['a', 'b', 'c'].map(text => output.send('raw', packed(plainEntries(text.repeat(90))), 1))
  const closing = output.close()
  await t.rejects(output.send('raw', packed(plainEntries('late')), 1), ClosedError)
  await closing
  await Promise.all(sends)
  t.equal(receiver.seen.length, 3)
  await output.close()
  t.notOk(output.connected)
})

t.test('close gives up after its time and rejects what was not delivered', async t => {
  const { port } = await startServer(t, socket => socket.resume())
  const { output } = outputTo(t, port, { maxQueueBytes: 100, closeTimeoutMs: 20 })
  const results = Promise.allSettled(
    ['a', 'b'].map(text => output.send('raw', packed(plainEntries(text.repeat(90))), 1)),
  )
  await output.close()
  for (const result of await results) t.match(result, { status: 'rejected', reason: { retriable: true } })
})

t.test('a receiver that asks for a shared key, or is no Forward receiver, is said', async t => {
  const { port } = await startServer(t, socket => socket.write(encode(['HELO', { nonce: 'x' }])))
  const first = outputTo(t, port, { maxRetries: 1 })
  await t.rejects(first.output.send('raw', packed(plainEntries('a')), 1), { message: /shared key/ })
  const http = await startServer(t, socket => socket.write(Buffer.alloc(100_000, 0xc1)))
  const second = outputTo(t, http.port, { maxRetries: 1 })
  await t.rejects(second.output.send('raw', packed(plainEntries('a')), 1), { message: /check its address/ })
})

t.test('wrong options are all named', async t => {
  const wrong = { port: 0, maxFrameBytes: 10_000_000, retryMinMs: 10, retryMaxMs: 5, acks: true } as object
  t.throws(() => new ForwardOutput(wrong), ConfigError)
  t.throws(() => new ForwardOutput(wrong), {
    message:
      /port must.*maxFrameBytes must be an integer from 4096 to 6144000.*acks is unknown.*retryMinMs must not/s,
  })
})

function indexOf(entries: readonly unknown[]): PackedEntries {
  const buffer = packed(entries)
  const index = new EntryIndex(1)
  for (let at = 0; at < buffer.length; ) {
    const end = skip(buffer, at, buffer.length)
    index.add(buffer, at, end)
    at = end
  }
  return index.entries(buffer)
}

t.test('an array header longer than it must be does not come through', async t => {
  const [plain] = fluentBitEntries('m').map(encode)
  const long = Buffer.concat([Buffer.from('dd00000002', 'hex'), plain!.subarray(1)])
  const index = new EntryIndex()
  index.add(long, 0, long.length)
  const writer = new PackWriter(16)
  t.ok(openEntry(writer, index.entries(long), 0, encodeText('logneo'), true))
  writer.nil()
  t.strictSame(
    writer.take(),
    encode([[eventTime(1_700_000_000, 5_000_000), {}], { message: 'm', logneo: null }]),
  )
})

t.test('entries are written as v1, with the field; markers and broken ones as they came', async t => {
  const group = [[eventTime(0xffffffff), { a: 1 }], {}]
  const entries = indexOf([
    ...fluentBitEntries('with metadata'),
    ...plainEntries('plain'),
    [1_700_000_000, { message: 'integer' }],
    group,
    ['broken'],
  ])
  const write = (emitMetadata: boolean) => {
    const writer = new PackWriter(16)
    const value = encode({ score: 1 })
    const spliced = [0, 1, 2, 3, 4].map(i => {
      const isSpliced = openEntry(writer, entries, i, encodeText('logneo'), emitMetadata)
      if (isSpliced) writer.raw(value, 0, value.length)
      return isSpliced
    })
    return { spliced, bytes: writer.take() }
  }
  const tagged = (message: string) => ({ message, logneo: { score: 1 } })
  const rest = [
    [eventTime(1_700_000_000), tagged('plain')],
    [1_700_000_000, tagged('integer')],
    group,
    ['broken'],
  ]
  const time = eventTime(1_700_000_000, 5_000_000)
  t.strictSame(write(false), {
    spliced: [true, true, true, false, false],
    bytes: packed([[time, tagged('with metadata')], ...rest]),
  })
  t.strictSame(write(true).bytes, packed([[[time, {}], tagged('with metadata')], ...rest]))
})
