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

const CLIENTS = ['output.forward', 'input.kafka', 'output.kafka', 'store']

function certificates(get: Get, report: Report): void {
  for (const section of CLIENTS) {
    if ((get(`${section}.tls.cert`) === undefined) !== (get(`${section}.tls.key`) === undefined))
      report(`${section}.tls`, 'has only one of cert and key: give both')
  }
  for (const section of ['input.forward', 'input.http']) {
    const name = `${section}.tls.require_client_certificate`
    if (get(name) === true && get(`${section}.tls.ca`) === undefined)
      report(name, 'without ca takes a certificate of any public authority: set ca to your own')
  }
}
