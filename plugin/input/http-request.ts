import type { IncomingMessage } from 'node:http'
import { HttpFault } from './http-body.js'
import type { ResolvedHttpInputOptions } from './http-options.js'

/** Longest tag in bytes and longest chunk id in characters. */
const MAX_TAG_BYTES = 1024
const MAX_CHUNK_ID_LENGTH = 256
const CONTROL = /\p{Cc}/u

/**
 * The tag of a request's records: of its header, else of its path, else the one that is set.
 *
 * @throws HttpFault 400 when it is unfit or our own
 */
export function requestTag(
  request: IncomingMessage,
  { tag, tagHeader, tagFromPath }: Pick<ResolvedHttpInputOptions, 'tag' | 'tagHeader' | 'tagFromPath'>,
  ownTagPrefix: string,
): string {
  const found = headerText(request, tagHeader) ?? (tagFromPath ? pathTag(request) : undefined) ?? tag
  if (Buffer.byteLength(found) > MAX_TAG_BYTES || CONTROL.test(found))
    throw new HttpFault(
      400,
      `the tag must be a text of at most ${MAX_TAG_BYTES} bytes without control characters`,
    )
  if (ownTagPrefix !== '' && found.startsWith(ownTagPrefix))
    throw new HttpFault(
      400,
      `tags that begin with ${ownTagPrefix} are our own output: do not send it back here`,
    )
  return found
}

/**
 * The sender's name for what it sends, the same each time it is sent again.
 *
 * @throws HttpFault 400 when it is too long
 */
export function requestChunkId(request: IncomingMessage): string | undefined {
  const id = headerText(request, 'idempotency-key') ?? headerText(request, 'x-logneo-chunk')
  if (id !== undefined && id.length > MAX_CHUNK_ID_LENGTH)
    throw new HttpFault(400, `Idempotency-Key must have at most ${MAX_CHUNK_ID_LENGTH} characters`)
  return id
}

function headerText({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name.toLowerCase()]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function pathTag({ url = '/' }: IncomingMessage): string | undefined {
  const [path = '/'] = url.split('?', 1)
  if (path === '/' || path === '') return undefined
  try {
    return decodeURIComponent(path.slice(1))
  } catch {
    throw new HttpFault(400, 'the path is no tag: encode it as a URL')
  }
}
