import { z } from 'zod'
import { ADDRESS_FORM, parseAddress } from '../../sidecar/address.js'
import { DEFAULT_SIDECAR_CLIENT_OPTIONS, MIN_TOKEN_LENGTH } from '../../sidecar/options.js'
import { optional, settings, someInteger, text } from '../config-fields.js'

const error = `${ADDRESS_FORM}, the --listen of the sidecar`

/** `model.sidecar` */
export const sidecar = settings({
  address: z
    .string({ error })
    .refine(address => parseAddress(address) !== undefined, { error })
    .meta({ description: 'Where it listens: unix:PATH, relative to this file, or tcp:HOST:PORT.' }),
  timeout_ms: optional(
    someInteger(
      1,
      600_000,
      'How long an answer may take; then records pass unscored until it answers again.',
    ),
    DEFAULT_SIDECAR_CLIENT_OPTIONS.timeoutMs,
  ),
  retry_max_ms: optional(
    someInteger(50, 600_000, 'Longest wait before connecting again.'),
    DEFAULT_SIDECAR_CLIENT_OPTIONS.retryMaxMs,
  ),
  token: optional(
    text('What it wants its clients to know; best taken from the environment or a file.').min(
      MIN_TOKEN_LENGTH,
      { error: `a text of at least ${MIN_TOKEN_LENGTH} characters` },
    ),
  ),
}).meta({
  description: 'Runs the model in `logneo sidecar` instead of this process; path must hold the same model.',
})
