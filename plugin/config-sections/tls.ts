import { optional, settings, text, yesOrNo } from '../config-fields.js'

/** `tls` of an input that listens. */
export const tlsServer = settings({
  cert: text('PEM file: our certificate and its chain.'),
  key: text('PEM file: its private key.'),
  ca: optional(text('PEM file: authorities whose certificates senders may show.')),
  require_client_certificate: optional(yesOrNo('Whether senders must show a certificate of ca.'), false),
}).meta({ description: 'TLS 1.2 or newer. Paths are relative to this file.' })

/** `tls` of an output that connects. */
export const tlsClient = settings({
  ca: optional(
    text("PEM file: authorities whose certificates the receiver may show. Default: the system's."),
  ),
  cert: optional(text('PEM file: certificate to show to the receiver; needs key.')),
  key: optional(text('PEM file: its private key.')),
  server_name: optional(text("Name that the receiver's certificate must bear, where it is not host.")),
  verify: optional(
    yesOrNo("Whether the receiver's certificate is checked; without it anybody in between can read along."),
    true,
  ),
}).meta({
  description: 'TLS 1.2 or newer; {} trusts the usual authorities. Paths are relative to this file.',
})
