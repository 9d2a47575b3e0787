import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { deflateSync, gzipSync } from 'node:zlib'
import { BadFrameError } from '../../../plugin/errors.js'
import { Gunzip } from '../../../plugin/input/forward-gunzip.js'
import { Unzstd } from '../../../plugin/input/forward-unzstd.js'
import { endOfAsync, expect, type FuzzTarget } from '../target.js'

/** Largest result that is taken here. */
const MAX_BYTES = 1 << 20
const ZSTD_FIXTURE = fileURLToPath(
  new URL('../../../../test/fixtures/entries-200.msgpack.zst', import.meta.url),
)

export function gzipChunk(): FuzzTarget {
  const gunzip = new Gunzip(MAX_BYTES)
  return {
    seeds: [
      gzipSync('text '.repeat(50)),
      Buffer.concat([gzipSync('one'), gzipSync('two')]),
      gzipSync(Buffer.alloc(8 << 20)),
      deflateSync('no gzip'),
    ],
    words: [Buffer.from('1f8b0800', 'hex'), Buffer.from('1f8b08ff', 'hex')],
    run: input => unpacked(() => gunzip.unpack(input)),
  }
}

export function zstdChunk(): FuzzTarget {
  const unzstd = new Unzstd(MAX_BYTES)
  const rle = Buffer.from('28b52ffd00580300c041', 'hex')
  return {
    seeds: [
      readFileSync(ZSTD_FIXTURE),
      rle,
      Buffer.concat([Buffer.from('502a4d1804000000aaaaaaaa', 'hex'), rle]),
    ],
    words: [Buffer.from('28b52ffd', 'hex'), Buffer.from('502a4d18', 'hex')],
    run: input => unpacked(() => unzstd.unpack(input)),
  }
}

function unpacked(unpack: () => Promise<Buffer>): Promise<string> {
  return endOfAsync(async () => {
    const { length } = await unpack()
    expect(length <= MAX_BYTES, 'no more is unpacked than is allowed')
    return `${length.toString(2).length} bits of length`
  }, BadFrameError)
}
