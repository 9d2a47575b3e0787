import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import type { Adoption } from './adopt/adoptions.js'
import { isBearer } from './bearer.js'
import type { Answer } from './ops-server.js'

export interface FeedbackOptions {
  /** What senders must know: `Authorization: Bearer TOKEN`. */
  readonly token: string
  /** Takes what was odd about a session as normal; undefined if no such session was flagged lately. */
  readonly mark: (session: string) => Adoption | undefined
}

const MAX_BODY_BYTES = 4096
const JSON_TYPE = 'application/json; charset=utf-8'
const bodySchema = z.strictObject({ normal: z.string().min(1).max(1024) })

/** `POST /feedback` with `{"normal": "SESSION"}`: marks a flagged session as normal. */
export function feedbackHandler({
  token,
  mark,
}: FeedbackOptions): (request: IncomingMessage) => Promise<Answer> {
  return async request => {
    if (!isBearer(request.headers.authorization, token))
      return answer(401, { error: 'the token is missing or wrong: send Authorization: Bearer TOKEN' })
    const text = await readBody(request)
    if (text === undefined) return answer(413, { error: `the body has more than ${MAX_BODY_BYTES} bytes` })
    const body = bodySchema.safeParse(parseJson(text))
    if (!body.success) return answer(400, { error: 'the body must be {"normal": "SESSION"}' })
    const adoption = mark(body.data.normal)
    return adoption === undefined
      ? answer(404, { error: 'no such session was flagged lately: give the session id of its summary' })
      : answer(200, { adopted: adoption.id, description: adoption.description })
  }
}

function answer(status: number, body: object): Answer {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(body)}\n` }
}

/** Undefined where it is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > MAX_BODY_BYTES) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
