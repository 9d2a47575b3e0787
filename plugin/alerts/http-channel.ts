import { type HttpAnswer, HttpClient } from '../http-request.js'
import { AlertDeliveryError } from './alert.js'

const TIMEOUT_MS = 15_000
const MAX_ANSWER_BYTES = 64 * 1024
const MAX_RETRY_AFTER_MS = 3_600_000

/** Posts JSON for a channel. */
export class JsonPoster {
  readonly #client = new HttpClient({ maxConnections: 1 })
  readonly #url: URL

  /** @param name of the channel; the address may hold a secret, and is never told */
  constructor(
    readonly name: string,
    url: string,
  ) {
    this.#url = new URL(url)
  }

  /** @throws AlertDeliveryError */
  async post(body: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const answer = await this.#client
      .send({
        method: 'POST',
        url: this.#url,
        headers: { 'content-type': 'application/json', 'user-agent': 'LogNEO', ...headers },
        body,
        timeoutMs: TIMEOUT_MS,
        maxAnswerBytes: MAX_ANSWER_BYTES,
      })
      .catch((error: Error) => {
        throw new AlertDeliveryError(`${this.name}: ${error.message}`, true, 0, { cause: error })
      })
    if (answer.status >= 300) throw this.#refused(answer)
  }

  close(): void {
    this.#client.close()
  }

  /** Only a busy or broken receiver may take the same message later. */
  #refused({ status, headers, body }: HttpAnswer): AlertDeliveryError {
    const isPassing = status >= 500 || status === 408 || status === 429
    const said = body.slice(0, 200).trim()
    const text = `${this.name}: HTTP ${status}${said === '' ? '' : `: ${said}`}`
    return new AlertDeliveryError(text, isPassing, retryAfterMs(headers['retry-after']))
  }
}

function retryAfterMs(seconds: string | undefined): number {
  const ms = Number(seconds) * 1000
  return ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : 0
}
