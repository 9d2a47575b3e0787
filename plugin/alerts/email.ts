import type { Transporter } from 'nodemailer'
import { type Alert, AlertDeliveryError, type Channel } from './alert.js'
import { plainText, title } from './alert-text.js'

const TIMEOUT_MS = 30_000

export interface EmailOptions {
  readonly host: string
  readonly port: number
  /** TLS from the first byte (port 465). Else STARTTLS is used where offered, and demanded where there is a password. */
  readonly secure: boolean
  readonly username?: string
  readonly password?: string
  /** Certificates to trust instead of the usual ones, PEM. */
  readonly ca?: string
  readonly from: string
  readonly to: readonly string[]
}

/** E-mail by SMTP, as plain text. */
export class EmailChannel implements Channel {
  readonly name = 'email'

  private constructor(
    readonly transporter: Transporter,
    readonly options: EmailOptions,
  ) {}

  static async open(options: EmailOptions): Promise<EmailChannel> {
    const { createTransport } = await import('nodemailer')
    const { host, port, secure, username, password, ca } = options
    const transporter = createTransport({
      host,
      port,
      secure,
      requireTLS: username !== undefined && !secure,
      ...(username !== undefined && { auth: { user: username, pass: password ?? '' } }),
      ...(ca !== undefined && { tls: { ca } }),
      connectionTimeout: TIMEOUT_MS,
      greetingTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    })
    return new EmailChannel(transporter, options)
  }

  async send(alert: Alert): Promise<void> {
    const { from, to } = this.options
    try {
      await this.transporter.sendMail({
        from,
        to: [...to],
        subject: `[LogNEO] ${title(alert)}`,
        text: plainText(alert),
        // The same in every try, so that a mailbox can tell a repetition.
        messageId: `<${alert.id}@logneo>`,
        date: new Date(alert.timeMs),
        headers: { 'auto-submitted': 'auto-generated' },
      })
    } catch (error) {
      throw refused(error as Error & { responseCode?: number })
    }
  }

  close(): void {
    this.transporter.close()
  }
}

/** Codes from 500 on are final, all else may pass. */
function refused(error: Error & { responseCode?: number }): AlertDeliveryError {
  const isFinal = error.responseCode !== undefined && error.responseCode >= 500
  return new AlertDeliveryError(`email: ${error.message}`, !isFinal, 0, { cause: error })
}
