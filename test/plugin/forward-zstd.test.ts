import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Unzstd } from '../../plugin/input/forward-unzstd.js'
import { packed, plainEntries, Receiver } from '../fixtures/forward-peer.js'

/** Tests run compiled, from dist/test/plugin. `zstd -19` of the entries below. */
const FIXTURE = fileURLToPath(new URL('../../../test/fixtures/entries-200.msgpack.zst', import.meta.url))
const zst = await readFile(FIXTURE)
const messages = Array.from({ length: 200 }, (_, i) => `line ${i} of a log that repeats itself, as logs do`)
const entries = packed(plainEntries(...messages))

const MAGIC = Buffer.from('28b52ffd', 'hex')

/** A frame of one block. @param type 0 raw, 1 the one byte of `data` repeated `size` times */
function frame(descriptor: string, blocks: { type: number; size: number; data: Buffer }[]): Buffer {
  const parts = blocks.map(({ type, size, data }, i) => {
    const header = Buffer.alloc(3)
    header.writeUIntLE((size << 3) | (type << 1) | (i === blocks.length - 1 ? 1 : 0), 0, 3)
    return Buffer.concat([header, data])
  })
  return Buffer.concat([MAGIC, Buffer.from(descriptor, 'hex'), ...parts])
}

/** A window of 1 KiB, no size, no checksum. */
const SMALL_WINDOW = '0000'
const raw = (data: Buffer) => ({ type: 0, size: data.length, data })

t.test('a zstd chunk arrives, is acknowledged and keeps its order', async t => {
  const receiver = await Receiver.start(t)
  const peer = await receiver.peer()
  peer.send(['app', zst, { chunk: 'z', size: 200, compressed: 'zstd' }])
  peer.send(['app', packed(plainEntries('after')), { chunk: 'p' }])
  t.strictSame(await peer.reply(2), [{ ack: 'z' }, { ack: 'p' }])
  t.strictSame(
    receiver.records,
    [...messages, 'after'].map(message => ({ message })),
  )
})

t.test('several frames, raw blocks and skippable frames are one chunk', async t => {
  const unzstd = new Unzstd(2 ** 20)
  const skippable = Buffer.from('502a4d1803000000abcdef', 'hex')
  const raws = frame(SMALL_WINDOW, [raw(entries.subarray(0, 500)), raw(entries.subarray(500, 1000))])
  const unpacked = await unzstd.unpack(Buffer.concat([raws, skippable, zst]))
  t.ok(unpacked.equals(Buffer.concat([entries.subarray(0, 1000), entries])))
  t.equal((await unzstd.unpack(Buffer.alloc(0))).length, 0)
})

t.test('limits hold before memory is taken', async t => {
  const unzstd = new Unzstd(entries.length)
  t.ok((await unzstd.unpack(zst)).equals(entries), 'exactly the limit')
  const bomb = frame(
    SMALL_WINDOW,
    Array.from({ length: 100 }, () => ({ type: 1, size: 1000, data: Buffer.from('x') })),
  )
  const hugeWindow = frame('00a8', [raw(Buffer.from('x'))])
  const hugeContent = frame('e0ffffffffffffff7f', [raw(Buffer.from('x'))])
  for (const [what, data] of Object.entries({
    bomb,
    hugeWindow,
    hugeContent,
    two: Buffer.concat([zst, zst]),
  })) {
    await t.rejects(unzstd.unpack(data), { code: 'ERR_FORWARD_FRAME', message: /unpacks to over/ }, what)
  }
})

t.test('damaged data is put aside, acknowledged, and harms nothing after it', async t => {
  const receiver = await Receiver.start(t)
  const peer = await receiver.peer()
  const damaged = Buffer.from(zst)
  damaged.fill(0xff, 30, 60)
  const bad = [
    damaged,
    zst.subarray(0, -10),
    zst.subarray(0, 5),
    Buffer.from('not zstd at all'),
    frame('0300', [raw(Buffer.from('x'))]),
    frame(SMALL_WINDOW, [{ type: 3, size: 1, data: Buffer.from('x') }]),
  ]
  bad.forEach((data, i) => {
    peer.send(['app', data, { chunk: `bad ${i}`, compressed: 'zstd' }])
  })
  peer.send(['app', zst, { chunk: 'good', compressed: 'zstd' }])
  t.strictSame(
    await peer.reply(bad.length + 1),
    [...bad.map((_, i) => `bad ${i}`), 'good'].map(ack => ({ ack })),
  )
  t.equal(receiver.records.length, 200)
  t.equal(receiver.letters.letters.length, bad.length)
})

t.test('no cut or flipped byte does more than fail', async t => {
  const unzstd = new Unzstd(2 ** 16)
  let failures = 0
  for (let i = 0; i < zst.length; i++) {
    const flipped = Buffer.from(zst)
    flipped[i] = flipped[i]! ^ (1 << (i % 8))
    for (const data of [flipped, zst.subarray(0, i)]) {
      await unzstd.unpack(data).catch(error => {
        failures++
        if (error.code !== 'ERR_FORWARD_FRAME') t.fail(`byte ${i}: ${error}`)
      })
    }
  }
  t.ok(failures > zst.length)
})
