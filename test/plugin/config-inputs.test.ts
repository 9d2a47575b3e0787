import t from 'tap'
import { parseConfig } from '../../plugin/config.js'
import { ConfigError } from '../../plugin/errors.js'

const HEAD = 'model: {path: m}\n'
const OUT = 'output: {ndjson: {path: "-"}}\n'

function problemsOf(text: string, environment: Record<string, string> = {}): readonly string[] {
  try {
    parseConfig(text, environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

t.test('who may send and whom we trust', async t => {
  const text = `${HEAD}
input:
  forward:
    shared_key: \${KEY}
    users: [{username: web, password: "\${PASSWORD}"}]
    self_hostname: logneo
    tls: {cert: tls/cert.pem, key: /etc/key.pem, ca: ca.pem, require_client_certificate: true}
output:
  forward:
    port: 24225
    shared_key: \${KEY}
    username: me
    password: \${PASSWORD}
    tls: {ca: ca.pem, server_name: logs.example, verify: true}
`
  const { input, output } = parseConfig(text, { KEY: 'k', PASSWORD: 'p' }, '/c')
  t.strictSame(input.forward, {
    sharedKey: 'k',
    users: [{ username: 'web', password: 'p' }],
    selfHostname: 'logneo',
    tls: { cert: '/c/tls/cert.pem', key: '/etc/key.pem', ca: '/c/ca.pem', requireClientCertificate: true },
  })
  t.strictSame(output.forward, {
    port: 24225,
    sharedKey: 'k',
    username: 'me',
    password: 'p',
    tls: { ca: '/c/ca.pem', serverName: 'logs.example', verify: true },
  })
})

t.test('the HTTP input', async t => {
  const text = `${HEAD}input: {http: {port: 1, token: "\${TOKEN}", tag_from_path: false, time_fields: [ts], tls: {cert: a, key: b}}}\n${OUT}`
  t.strictSame(parseConfig(text, { TOKEN: 'a token of some length' }, '/c').input.http, {
    port: 1,
    token: 'a token of some length',
    tagFromPath: false,
    timeFields: ['ts'],
    tls: { cert: '/c/a', key: '/c/b' },
  })
})

t.test('files that are followed, and joined lines', async t => {
  const text = `${HEAD}input: {files: {paths: [a.log], tag: raw.a, follow: true, start_at: end, poll_ms: 9}}
line: {join: {traces: [java], start: '^x', max_length: 9, timeout_ms: 5}}
session: {reorder_ms: 50}
${OUT}`
  const config = parseConfig(text, {}, '/c')
  t.strictSame(config.input, {
    follow: {
      paths: ['/c/a.log'],
      tag: 'raw.a',
      startAt: 'end',
      pollMs: 9,
      positions: '/c/m.state/positions.json',
    },
  })
  t.strictSame(config.join, { traces: ['java'], start: '^x', maxLength: 9, timeoutMs: 5 })
  t.equal(config.reorderMs, 50)
  const { input } = parseConfig(`${text}state: {path: s}\n`, {}, '/c')
  t.equal(input.follow?.positions, '/c/s/positions.json')
  t.strictSame(parseConfig(`${HEAD}input: {stdin: {tag: a}}\nline: {join: {}}\n${OUT}`, {}).join, {})
})

t.test('where records go', async t => {
  const text = `${HEAD}input: {stdin: {tag: a}}
output:
  ndjson: {path: "-"}
  forward: {}
  route:
    context_before: 7
    rules:
      - {severity: [none], sample: 0.1}
      - {severity: [high], tag: urgent., to: [forward, ndjson]}
`
  t.strictSame(parseConfig(text, {}, '/c').output.route, {
    contextBefore: 7,
    rules: [
      { severity: ['none'], sample: 0.1 },
      { severity: ['high'], tag: 'urgent.', to: ['forward', 'ndjson'] },
    ],
  })
  const wrong = text.replace('[none], sample: 0.1', '[none, high], sample: 0').replace('ndjson]', 'kafka]')
  t.strictSame(problemsOf(wrong), [
    'output.route.rules names severity high in rule 1 and in rule 2, which will never count for it: remove it from one (line 8)',
    'output.route.rules sends to kafka, which output does not have: add it, or remove it from the rule (line 8)',
  ])
})

const WRONG: readonly (readonly [name: string, text: string, problem: string])[] = [
  [
    'users without a key',
    `${HEAD}input: {forward: {users: [{username: a, password: b}]}}\n${OUT}`,
    'input.forward.users needs shared_key, as the handshake proves both: set a key (line 2)',
  ],
  [
    'a user without a password',
    `${HEAD}input: {stdin: {tag: a}}\noutput: {forward: {shared_key: k, username: a}}\n`,
    'output.forward.username needs both username and password: give both (line 3)',
  ],
  [
    'half a certificate',
    `${HEAD}input: {stdin: {tag: a}}\noutput: {forward: {tls: {cert: a}}}\n`,
    'output.forward.tls has only one of cert and key: give both (line 3)',
  ],
  [
    'certificates of anybody',
    `${HEAD}input: {forward: {tls: {cert: a, key: b, require_client_certificate: true}}}\n${OUT}`,
    'input.forward.tls.require_client_certificate without ca takes a certificate of any public authority: set ca to your own (line 2)',
  ],
  [
    'settings of followed files for others',
    `${HEAD}input: {files: {paths: [a], tag: b, poll_ms: 5}}\n${OUT}`,
    'input.files.poll_ms has no effect on files that are read once: set follow, or remove it (line 2)',
  ],
  [
    'a language that is not known',
    `${HEAD}input: {stdin: {tag: a}}\nline: {join: {traces: [cobol]}}\n${OUT}`,
    'line.join.traces[0] must be one of java, python, go, got "cobol" (line 3)',
  ],
  [
    'a short token',
    `${HEAD}input: {http: {token: short}}\n${OUT}`,
    'input.http.token must be a text of at least 16 characters, and is not (line 2)',
  ],
  [
    'two on one port',
    `${HEAD}input: {http: {}}\n${OUT}metrics: {port: 9880}\n`,
    'input.http.port is also that of metrics (9880): choose another (line 2)',
  ],
  [
    'a tag of our own',
    `${HEAD}input: {http: {tag: scored.x}}\n${OUT}`,
    'input.http.tag must not begin with output.tag_prefix (scored.), which marks our own output: use raw.x (line 2)',
  ],
  [
    'a secret of the wrong kind',
    `${HEAD}input: {forward: {shared_key: 123456}}\n${OUT}`,
    'input.forward.shared_key must be a text, and is not (line 2)',
  ],
]

for (const [name, text, problem] of WRONG) {
  t.test(`refused: ${name}`, async t => {
    t.strictSame(problemsOf(text), [problem])
  })
}
