import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureVersion } from 'node:tls'
import { ConfigError } from './errors.js'

/** Older versions are broken. */
export const MIN_TLS_VERSION: SecureVersion = 'TLSv1.2'

/** TLS of a server: paths of PEM files. */
export interface TlsServerFiles {
  /** Our certificate, with the chain up to the authority that senders trust. */
  readonly cert: string
  /** Its private key. */
  readonly key: string
  /** Authorities whose certificates senders may show. Default: those that Node trusts. */
  readonly ca?: string
  /** Whether senders must show a certificate of `ca`. Default false. */
  readonly requireClientCertificate?: boolean
}

/** TLS of a client: paths of PEM files. */
export interface TlsClientFiles {
  /** Authorities whose certificates the receiver may show. Default: those that Node trusts. */
  readonly ca?: string
  /** Certificate to show to receivers that ask for one; needs `key`. */
  readonly cert?: string
  /** Its private key. */
  readonly key?: string
  /** Name that the receiver's certificate must bear. Default: the host connected to. */
  readonly serverName?: string
  /** Whether the receiver's certificate is checked. Default true; without it anybody in between can read along. */
  readonly verify?: boolean
}

/** Contents of the files. */
export interface TlsContents {
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly ca?: Buffer
}

/**
 * Reads the files and tries what is in them.
 *
 * @param scope first part of names in messages, `forward.tls`
 * @throws ConfigError that lists every file that cannot be read, or says that they do not fit together
 */
export function readTlsFiles(scope: string, files: TlsServerFiles | TlsClientFiles): TlsContents {
  const problems: string[] = []
  const contents: { cert?: Buffer; key?: Buffer; ca?: Buffer } = {}
  for (const name of ['cert', 'key', 'ca'] as const) {
    const path = files[name]
    if (path === undefined) continue
    try {
      contents[name] = readFileSync(path)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      problems.push(`${scope}.${name}: ${path} cannot be read (${code}): mend the path or its permissions`)
    }
  }
  if ((files.cert === undefined) !== (files.key === undefined))
    problems.push(`${scope} has only one of cert and key: give both`)
  if (problems.length === 0) problems.push(...contentProblems(scope, contents))
  if (problems.length > 0) throw new ConfigError(problems)
  return contents
}

function contentProblems(scope: string, contents: TlsContents): string[] {
  try {
    createSecureContext(contents)
    return []
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return [`${scope}: the files are no certificate and key that fit together in PEM (${reason}): mend them`]
  }
}
