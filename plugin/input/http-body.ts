import type { IncomingMessage } from 'node:http'
import { BadFrameError } from '../errors.js'
import type { InFlightBudget } from './forward-budget.js'
import type { Gunzip } from './forward-gunzip.js'
import type { Unzstd } from './forward-unzstd.js'

/** Thrown when a request is answered with something else than success. */
export class HttpFault extends Error {
  /** @param message what is wrong and what to do, for the sender */
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
    this.name = new.target.name
  }
}

/** Bytes of bodies that are arriving or with the handler. */
export interface BodyLimits {
  readonly maxBodyBytes: number
  readonly budget: InFlightBudget
}

/**
 * Reads a request's body. What it takes of the budget the caller gives back, also after a failure: `took` is told of each piece.
 *
 * @throws HttpFault 413 when it is too large, 429 when there is no room for it now, 400 when it is cut off
 */
export async function readBody(
  request: IncomingMessage,
  { maxBodyBytes, budget }: BodyLimits,
  took: (bytes: number) => void,
): Promise<Buffer> {
  const tooLarge = new HttpFault(413, `the body is over ${maxBodyBytes} bytes: send fewer records at a time`)
  if (Number(request.headers['content-length']) > maxBodyBytes) throw tooLarge
  const pieces: Buffer[] = []
  let bytes = 0
  return new Promise((resolve, reject) => {
    const fail = (fault: HttpFault): void => {
      request.removeAllListeners('data')
      // The rest is read and thrown away, so that the sender gets to see the answer.
      request.resume()
      reject(fault)
    }
    request.on('data', (piece: Buffer) => {
      bytes += piece.length
      if (bytes > maxBodyBytes) return fail(tooLarge)
      if (budget.isFull) return fail(noRoom())
      took(piece.length)
      pieces.push(piece)
    })
    request.on('end', () => resolve(Buffer.concat(pieces, bytes)))
    request.on('close', () => reject(new HttpFault(400, 'the request was cut off')))
    request.on('error', () => reject(new HttpFault(400, 'the request was cut off')))
  })
}

export const noRoom = (): HttpFault =>
  new HttpFault(429, 'the receivers are slow and there is no room now: send it again later')

export interface Unpackers {
  readonly gunzip: Gunzip
  readonly unzstd: Unzstd
}

/**
 * Undoes a Content-Encoding.
 *
 * @throws HttpFault 415 for one not known here
 * @throws BadFrameError when the data is damaged or too large
 */
export async function decompress(
  body: Buffer,
  encoding: string,
  { gunzip, unzstd }: Unpackers,
): Promise<Buffer> {
  switch (encoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      if (body.length > gunzip.maxBytes) throw new BadFrameError('the body is too large')
      return body
    case 'gzip':
    case 'x-gzip':
      return gunzip.unpack(body)
    case 'zstd':
      return unzstd.unpack(body)
    default:
      throw new HttpFault(415, 'the Content-Encoding is not known here: use gzip, zstd or none')
  }
}
