import type { Get, Report } from './config-rules.js'

/** Rules about who may connect to whom. */
export const SECURITY_RULES: readonly ((get: Get, report: Report) => void)[] = [logins, certificates]

function logins(get: Get, report: Report): void {
  const has = (name: string): boolean => get(name) !== undefined
  if (has('input.forward.users') && !has('input.forward.shared_key'))
    report('input.forward.users', 'needs shared_key, as the handshake proves both: set a key')
  const hasName = has('output.forward.username')
  if (hasName !== has('output.forward.password'))
    report(
      `output.forward.${hasName ? 'username' : 'password'}`,
      'needs both username and password: give both',
    )
  if (hasName && !has('output.forward.shared_key'))
    report('output.forward.username', 'needs shared_key, as the handshake proves both: set the key')
}

function certificates(get: Get, report: Report): void {
  if ((get('output.forward.tls.cert') === undefined) !== (get('output.forward.tls.key') === undefined))
    report('output.forward.tls', 'has only one of cert and key: give both')
  if (
    get('input.forward.tls.require_client_certificate') === true &&
    get('input.forward.tls.ca') === undefined
  )
    report(
      'input.forward.tls.require_client_certificate',
      'without ca takes a certificate of any public authority: set ca to your own',
    )
}
