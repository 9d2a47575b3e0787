import { join, resolve } from 'node:path'
import t from 'tap'
import { type Config, loadConfig, parseConfig } from '../../plugin/config.js'
import { ConfigError } from '../../plugin/errors.js'

const MINIMAL = 'model: {path: m}\ninput: {stdin: {tag: raw.a}}\noutput: {ndjson: {path: "-"}}\n'

/** The problems that a config has. */
function problemsOf(text: string, environment: Record<string, string> = {}): readonly string[] {
  try {
    parseConfig(text, environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

t.test('a minimal config has defaults, and paths relative to its folder', async t => {
  const expected: Config = {
    stage: { model: '/etc/logneo/m', detect: {}, rules: {}, scorer: {} },
    input: { stdin: { tag: 'raw.a' } },
    output: { ndjson: { path: '-' }, tagPrefix: 'scored.', sessionSummaries: true },
    learn: { mayLearn: true },
    log: { level: 'info' },
  }
  t.strictSame(parseConfig(MINIMAL, {}, '/etc/logneo'), expected)
})

t.test('a config with everything is put in the terms of the parts', async t => {
  const text = `
model: {path: ./model}
input:
  forward: {host: 0.0.0.0, port: 24225, max_connections: 5, max_in_flight_bytes: 1000, idle_timeout_ms: 0}
  files: {paths: [a.log, /var/b.log], tag: raw.files}
line: {field: log, format: '<Date> <Time> <Content>'}
session: {regex: 'id=(\\w+)', idle_timeout_seconds: 30, end: bye, max_sessions: 7, disorder_seconds: 0.5}
detect: {false_alarm_rate: 0.01, top_k: 0.4, fields: minimal, session_summaries: false}
scorer: {cache_mb: 2}
output:
  forward: {path: run/out.sock, require_ack: false, max_retries: 3}
  ndjson: {path: out.ndjson}
  tag_prefix: judged.
dead_letter: {path: dead/letters, max_bytes: 2048}
metrics: {port: 0}
log: {level: debug}
`
  const expected: Config = {
    stage: {
      model: '/c/model',
      detect: {
        falseAlarmRate: 0.01,
        detectors: [
          'next-key',
          'unseen-key',
          'session-end',
          'key-set',
          'count-order',
          'count-vector',
          'parameter',
          'top-k',
        ],
        topK: { ratio: 0.4 },
      },
      rules: {
        format: '<Date> <Time> <Content>',
        session: { kind: 'regex', pattern: 'id=(\\w+)' },
        idleTimeoutSeconds: 30,
        endPattern: 'bye',
      },
      lineFields: ['log'],
      fields: 'minimal',
      maxSessions: 7,
      disorderMs: 500,
      scorer: { cacheBytes: 2 * 2 ** 20 },
    },
    input: {
      forward: { host: '0.0.0.0', port: 24225, maxConnections: 5, maxInFlightBytes: 1000, idleTimeoutMs: 0 },
      files: { paths: ['/c/a.log', '/var/b.log'], tag: 'raw.files' },
    },
    output: {
      forward: { path: '/c/run/out.sock', requireAck: false, maxRetries: 3 },
      ndjson: { path: '/c/out.ndjson' },
      tagPrefix: 'judged.',
      sessionSummaries: false,
    },
    deadLetter: { path: '/c/dead/letters', maxBytes: 2048 },
    metrics: { host: '127.0.0.1', port: 0 },
    learn: { mayLearn: true },
    log: { level: 'debug' },
  }
  t.strictSame(parseConfig(text, {}, '/c'), expected)
})

t.test('session rules: a field, windows, windows of each group', async t => {
  const rule = (session: string) => parseConfig(`${MINIMAL}session: ${session}\n`, {}).stage.rules.session
  t.strictSame(rule('{field: kubernetes.pod_name}'), { kind: 'field', path: 'kubernetes.pod_name' })
  t.strictSame(rule('{window: {seconds: 60}}'), { kind: 'window', seconds: 60, stepSeconds: 60 })
  t.strictSame(rule('{window: {seconds: 60, step: 30, by: {field: node}}}'), {
    kind: 'window',
    seconds: 60,
    stepSeconds: 30,
    by: { kind: 'field', path: 'node' },
  })
  t.strictSame(parseConfig(`${MINIMAL}detect: {top_k: 9}`, {}).stage.detect.topK, 9)
  t.strictSame(parseConfig(`${MINIMAL}line: {field: [a, b]}`, {}).stage.lineFields, ['a', 'b'])
})

t.test('all problems come at once, in the order of the file, each with its line', async t => {
  const text = `model: {path: ''}
input:
  forward:
    port: 70000
    prot: 1
    maxFrameBytes: 10
output:
  ndjson: {path: 7}
detect:
  false_alarm_rate: 2
  detectors: [next-key, rank]
  fields: some
dashboard: {}
zzz: 1
`
  t.strictSame(problemsOf(text), [
    'model.path must be a text that is not empty, got "" (line 1)',
    'input.forward.port must be an integer from 0 to 65535, got 70000 (line 4)',
    'input.forward.prot is unknown: did you mean port? (line 5)',
    'input.forward.maxFrameBytes is unknown: did you mean max_frame_bytes? (line 6)',
    'output.ndjson.path must be a text, got 7 (line 8)',
    'detect.false_alarm_rate must be a number above 0 and below 1, got 2 (line 10)',
    'detect.detectors[1] must be one of next-key, unseen-key, session-end, key-set, count-order, count-vector, parameter, time-gap, top-k, got "rank" (line 11)',
    'detect.fields must be minimal or full, got "some" (line 12)',
    'dashboard is not available in this version: remove it (line 13)',
    'zzz is unknown: use one of model, input, line, session, store, detect, scorer, output, dead_letter, metrics, state, feedback, persist, alerts, log (line 14)',
  ])
})

const WRONG: readonly (readonly [name: string, text: string, problem: string])[] = [
  ['nothing', '', 'the config must be a map of settings (model, input, line, ...), got nothing (line 1)'],
  ['a text', 'hello', 'the config must be a map of settings (model, input, line, ...), got a text (line 1)'],
  [
    'no model',
    MINIMAL.slice(17),
    'model is missing: it must be a map of settings (path, precision, provider, ...) (line 1)',
  ],
  [
    'an empty section',
    `${MINIMAL}metrics:\n`,
    'metrics must be a map of settings (host, port), got nothing (line 4)',
  ],
  [
    'no input',
    MINIMAL.replace('stdin: {tag: raw.a}', ''),
    'input is empty: give it at least one of forward, http, files, stdin, kafka (line 2)',
  ],
  [
    'no output',
    MINIMAL.replace('ndjson: {path: "-"}', ''),
    'output is empty: give it at least one of forward, elasticsearch, ndjson, kafka (line 3)',
  ],
  [
    'no YAML',
    'a: [1\nb: 2',
    'Flow sequence in block collection must be sufficiently indented and end with a ]: correct the YAML (line 2)',
  ],
  ['a key twice', 'a: 1\na: 2\n', 'Map keys must be unique: correct the YAML (line 2)'],
  ['a tag', 'a: !!js/function x\n', 'Unresolved tag: correct the YAML (line 1)'],
  [
    'an alias of itself',
    'a: &a [*a]\n',
    'settings are nested more than 16 deep: remove what is not a setting',
  ],
  [
    'aliases that multiply',
    `a: &a [1,1]\nb: &b [${'*a,'.repeat(9)}]\nc: &c [${'*b,'.repeat(9)}]\nd: [${'*c,'.repeat(9)}]\n`,
    'Excessive alias count indicates a resource exhaustion attack: write out what the aliases (*name) stand for',
  ],
  [
    'the prototype',
    `${MINIMAL}__proto__: {model: 1}\n`,
    '__proto__ is unknown: use one of model, input, line, session, store, detect, scorer, output, dead_letter, metrics, state, feedback, persist, alerts, log (line 4)',
  ],
  [
    'files and standard input',
    MINIMAL.replace('stdin', 'files: {paths: [a], tag: b}, stdin'),
    'input.stdin cannot be set together with input.files: keep one of the two (line 2)',
  ],
  [
    'a setting of a later version',
    MINIMAL.replace('"-"}', '"-"}, http: {}'),
    'output.http is not available in this version: remove it (line 3)',
  ],
  [
    'an empty prefix',
    MINIMAL.replace('"-"}', '"-"}, tag_prefix: ""'),
    'output.tag_prefix must be a text that is not empty, got "" (line 3)',
  ],
  [
    'a tag of our own',
    MINIMAL.replace('raw.a', 'scored.a'),
    'input.stdin.tag must not begin with output.tag_prefix (scored.), which marks our own output: use raw.a (line 2)',
  ],
  [
    'a loop by default ports',
    'model: {path: m}\ninput: {forward: {host: 0.0.0.0}}\noutput: {forward: {host: localhost}}\n',
    'output.forward sends to input.forward, a loop that multiplies records: set the address of the receiver (line 3)',
  ],
  [
    'a loop by socket',
    'model: {path: m}\ninput: {forward: {path: a}}\noutput: {forward: {path: a}}\n',
    'output.forward sends to input.forward, a loop that multiplies records: set the address of the receiver (line 3)',
  ],
  [
    'a port and a socket',
    'model: {path: m}\ninput: {forward: {path: a, port: 1}}\noutput: {forward: {}}\n',
    'input.forward.path cannot be set together with host or port: keep one of the two (line 2)',
  ],
  [
    'the metrics on the port of the input',
    'model: {path: m}\ninput: {forward: {}}\noutput: {ndjson: {path: "-"}}\nmetrics: {port: 24224}\n',
    'metrics.port is also that of input.forward (24224): choose another (line 4)',
  ],
  [
    'waits out of order',
    'model: {path: m}\ninput: {forward: {}}\noutput: {forward: {port: 5, retry_max_ms: 100}}\n',
    'output.forward.retry_max_ms makes the shortest wait (200 ms) longer than the longest (100 ms): change retry_min_ms or retry_max_ms (line 3)',
  ],
  [
    'two session rules',
    `${MINIMAL}session: {regex: a, field: b}`,
    'session has regex and field: keep one, or group windows by window.by (line 4)',
  ],
  [
    'windows with holes',
    `${MINIMAL}session: {window: {seconds: 60, step: 90}}`,
    'session.window.step is longer than the window (60 seconds), so lines would be in none: lower it (line 4)',
  ],
  [
    'windows by nothing',
    `${MINIMAL}session: {window: {seconds: 60, by: {}}}`,
    'session.window.by must have either regex or field: keep one (line 4)',
  ],
  [
    'windows with an end',
    `${MINIMAL}session: {window: {seconds: 60}, end: bye}`,
    'session.end has no effect on windows, which end by time alone: remove it (line 4)',
  ],
  [
    'K without its detector',
    `${MINIMAL}detect: {top_k: 3, detectors: [next-key]}`,
    'detect.top_k has no effect without its detector: add top-k to detect.detectors (line 4)',
  ],
  [
    'no field',
    `${MINIMAL}line: {field: []}`,
    'line.field must be the name of a field, such as message, or a list of names of which the first found counts, got [] (line 4)',
  ],
  [
    'a bad K',
    `${MINIMAL}detect: {top_k: 1.5}`,
    'detect.top_k must be auto, adaptive, an integer >= 1, or a share of the keys above 0 and below 1, got 1.5 (line 4)',
  ],
  [
    'an output that is an input',
    'model: {path: m}\ninput: {files: {paths: [a], tag: t}}\noutput: {ndjson: {path: a}}\n',
    'output.ndjson.path is also read by input.files, which would never end: write to another file (line 3)',
  ],
  [
    'Kafka without a topic',
    kafka('{}', '{}'),
    'output.kafka must have either topic or topic_prefix: give one (line 3)',
  ],
  [
    'a loop through a topic',
    kafka('{}', '{topic: logs}'),
    'output.kafka.topic is also read by input.kafka, a loop that multiplies records: write to another topic (line 3)',
  ],
  [
    'transactions of two clusters',
    kafka('{transactions: true}', '{topic: b, brokers: [other:9092]}'),
    'input.kafka.transactions needs input and output on one cluster: give both the same brokers (line 2)',
  ],
  [
    'transactions without Kafka at the other end',
    kafka('{transactions: true}').replace(/output: .*/, 'output: {ndjson: {path: "-"}}'),
    'input.kafka.transactions needs output.kafka, whose records are written in them: add it or remove this (line 2)',
  ],
  [
    'a heartbeat longer than the session',
    kafka('{session_timeout_ms: 500}'),
    'input.kafka.session_timeout_ms lets a member be taken for dead between two heartbeats (1000 ms, 500 ms): keep the heartbeat at a third or less (line 2)',
  ],
  [
    'a certificate without its key',
    kafka('{}', '{topic: b, tls: {cert: a.pem}}'),
    'output.kafka.tls has only one of cert and key: give both (line 3)',
  ],
  [
    'client certificates of anybody',
    `${MINIMAL.replace('stdin', 'http: {tls: {cert: a, key: b, require_client_certificate: true}}, stdin')}`,
    'input.http.tls.require_client_certificate without ca takes a certificate of any public authority: set ca to your own (line 2)',
  ],
  [
    'a tag of our own from Kafka',
    kafka('{tag: scored.x}'),
    'input.kafka.tag must not begin with output.tag_prefix (scored.), which marks our own output: use raw.x (line 2)',
  ],
  [
    'no brokers',
    kafka('{brokers: []}'),
    'input.kafka.brokers must be a list of at least one, got [] (line 2)',
  ],
]

/** A config from topic to topic, with more settings or others. */
function kafka(input = '{}', output = '{topic: b}'): string {
  const inner = (text: string): string => text.slice(1, -1)
  const from = ['brokers: [k:9092]', 'topics: [logs]', 'group: g'].filter(
    text => !inner(input).startsWith(text.slice(0, text.indexOf(':') + 1)),
  )
  const brokers = output.includes('brokers') ? '' : 'brokers: [k:9092], '
  return `model: {path: m}\ninput: {kafka: {${from.join(', ')}, ${inner(input)}}}\noutput: {kafka: {${brokers}${inner(output)}}}\n`
}

t.test('Kafka in the terms of its parts', async t => {
  const { input, output } = parseConfig(
    kafka(
      '{transactions: true, key_field: id, tls: {ca: a.pem, server_name: k}}',
      `{topic: b, sasl: {mechanism: plain, username: u, password: "\${SECRET}"}}`,
    ),
    { SECRET: 'x' },
    '/etc/logneo',
  )
  t.strictSame(input.kafka, {
    brokers: ['k:9092'],
    topics: ['logs'],
    group: 'g',
    transactions: true,
    keyField: 'id',
    tls: { ca: '/etc/logneo/a.pem', serverName: 'k' },
  })
  t.strictSame(output.kafka, {
    brokers: ['k:9092'],
    topic: 'b',
    sasl: { mechanism: 'plain', username: 'u', password: 'x' },
  })
})

for (const [name, text, problem] of WRONG) {
  t.test(`refused: ${name}`, async t => {
    t.strictSame(problemsOf(text), [problem])
  })
}

t.test('patterns and formats are tried', async t => {
  const [pattern, format] = problemsOf(`${MINIMAL}session: {regex: '(a'}\nline: {format: nonsense}\n`)
  t.match(pattern, /^session\.regex cannot be used: pattern "\(a".*\(line 4\)$/)
  t.match(format, /^line\.format cannot be used: format must be a notation or one of raw, json.*\(line 5\)$/)
})

t.test('values come from the environment and from files', async t => {
  const folder = t.testdir({ secret: 'hunter2\n' })
  const text = `model: {path: "\${HOME_DIR}/m"}
input:
  forward:
    port: \${PORT}
output:
  forward:
    host: \${file:secret}
    require_ack: "\${ACK}"
  tag_prefix: a$\${b
detect:
  top_k: \${K}
`
  const config = parseConfig(text, { HOME_DIR: '/h', PORT: '24225', ACK: 'false', K: '0.5' }, folder)
  t.equal(config.stage.model, '/h/m')
  t.strictSame(config.input.forward, { port: 24225 })
  t.strictSame(config.output.forward, { host: 'hunter2', requireAck: false })
  t.strictSame(config.stage.detect.topK, { ratio: 0.5 })
  t.equal(config.output.tagPrefix, `a\${b`)
})

t.test(
  'a variable, file or brace that is missing is a problem, and no value from outside is shown',
  async t => {
    const text = `model: {path: "\${NO_SUCH}/\${toString}"}
input:
  stdin: {tag: "\${file:/no/such/file}"}
  forward: {port: "\${PORT}", host: "\${"}
output: {ndjson: {path: "\${a b}"}}
log: {level: "\${LEVEL}"}
`
    t.strictSame(problemsOf(text, { PORT: 'topsecret', LEVEL: 'topsecret' }), [
      'model.path needs the environment variable NO_SUCH, which is not set: set it (line 1)',
      'model.path needs the environment variable toString, which is not set: set it (line 1)',
      'input.stdin.tag needs the file /no/such/file, which cannot be read (ENOENT): create it or mend the path (line 3)',
      `input.forward.host holds \${ without }: close it, or write $\${ for the characters themselves (line 4)`,
      `input.forward.port must be an integer from 0 to 65535, got "\${PORT}" (line 4)`,
      `output.ndjson.path holds \${a b}, which names no variable: write \${NAME} or \${file:PATH}, or $\${ for the characters themselves (line 5)`,
      `log.level must be one of trace, debug, info, warn, error, fatal, silent, got "\${LEVEL}" (line 6)`,
    ])
  },
)

t.test('files are read, and one that is missing is a problem', async t => {
  const folder = t.testdir({ 'a.logneo.yaml': MINIMAL })
  t.equal((await loadConfig(join(folder, 'a.logneo.yaml'), {})).stage.model, resolve(folder, 'm'))
  await t.rejects(loadConfig('/no/such.logneo.yaml', {}), {
    code: 'ERR_CONFIG',
    problems: ['cannot read /no/such.logneo.yaml (ENOENT): logneo init writes a config to start from'],
  })
})

t.test('settings reached through aliases keep their lines', async t => {
  const text = `${MINIMAL.replace('ndjson: {path: "-"}', 'ndjson: &x {path: "-", pat: 1}')}dead_letter: *x\n`
  t.strictSame(problemsOf(text), [
    'output.ndjson.pat is unknown: did you mean path? (line 3)',
    'dead_letter.pat is unknown: did you mean path? (line 3)',
  ])
})

t.test('outputs, history and alerts are put in the terms of the parts', async t => {
  const text = `model: {path: m}
input: {stdin: {tag: raw.a}}
output: {elasticsearch: {urls: [https://es:9200], api_key: "\${KEY}", tls: {ca: ca.pem}, max_in_flight: 3}}
persist: {postgres: {url: "postgres://u:\${KEY}@db/logs", tls: {ca: ca.pem}}, archive: old, retention_days: 7}
alerts:
  email: {host: mx, from: a@b.c, to: [x@y.z], username: u, password: "\${KEY}"}
  webhook: {url: https://hooks/x}
  quiet_hours: {from: 22:00, to: 07:00, time_zone: UTC, except: high}
  max_per_hour: 3
`
  const { output, history, alerts } = parseConfig(text, { KEY: 'k3y' }, '/c')
  t.strictSame(output.elasticsearch, {
    urls: ['https://es:9200'],
    auth: { apiKey: 'k3y' },
    caFile: '/c/ca.pem',
    maxInFlight: 3,
  })
  t.strictSame(history, {
    place: { kind: 'postgres', url: 'postgres://u:k3y@db/logs', caFile: '/c/ca.pem' },
    archive: '/c/old',
    retentionDays: 7,
  })
  t.strictSame(alerts, {
    channels: {
      email: {
        host: 'mx',
        port: 587,
        secure: false,
        from: 'a@b.c',
        to: ['x@y.z'],
        username: 'u',
        password: 'k3y',
      },
      webhook: { url: 'https://hooks/x' },
    },
    options: { maxPerHour: 3, quietHours: { from: '22:00', to: '07:00', timeZone: 'UTC', except: 'high' } },
  })
  t.strictSame(parseConfig(`${MINIMAL}persist: {}`, {}, '/c').history, {
    place: { kind: 'embedded', folder: '/c/m.state/history' },
  })
})

t.test('outputs, history and alerts: what is wrong with them', async t => {
  const text = `model: {path: m}
input: {stdin: {tag: raw.a}}
output:
  elasticsearch: {urls: ['http://user:pass@es:9200'], username: u, retry_min_ms: 9, retry_max_ms: 8, data_stream: Logs}
persist: {postgres: {url: 'mysql://db'}, embedded: {path: x}, sessions: some}
alerts:
  min_severity: none
  quiet_hours: {from: '7', to: 07:00, time_zone: Nowhere/Land}
`
  t.match(problemsOf(text), [
    /^output\.elasticsearch\.urls\[0\] must be an address without user and password in it, and is not/,
    /^output\.elasticsearch\.data_stream must be a data stream/,
    /^output\.elasticsearch has only one of username and password/,
    /^output\.elasticsearch has retry_min_ms \(9\) over retry_max_ms \(8\)/,
    /^persist\.postgres\.url must be an address such as postgres:/,
    /^persist\.sessions must be all or flagged/,
    /^persist\.embedded cannot be set together/,
    /^alerts tells nobody/,
    /^alerts\.min_severity must be one of low, medium, high/,
    /^alerts\.quiet_hours\.from must be a time of day/,
    /^alerts\.quiet_hours\.time_zone must be a time zone/,
  ])
  t.match(problemsOf(`${MINIMAL}alerts: {webhook: {url: 'http://x', secret: short}}`), [
    /secret must be .* and is not/,
  ])
})
