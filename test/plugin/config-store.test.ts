import t from 'tap'
import { parseConfig } from '../../plugin/config.js'
import { ConfigError } from '../../plugin/errors.js'

const REST = 'model: {path: m}\ninput: {stdin: {tag: raw.a}}\noutput: {ndjson: {path: "-"}}\n'

function problemsOf(text: string, environment: Record<string, string> = {}): readonly string[] {
  try {
    parseConfig(REST + text, environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

t.test('a store is put in the terms of its options; secrets come from the environment', async t => {
  const text = `store:
  kind: redis
  url: rediss://redis.example:6380
  username: logneo
  password: \${REDIS_PASSWORD}
  tls: {ca: ca.pem, cert: /etc/cert.pem, key: /etc/key.pem}
  cluster: true
  prefix: team-a
  when_away: local
  timeout_ms: 500
  retry_max_ms: 200
  remember_chunks_seconds: 60
  expire_seconds: 7200
  max_batch_lines: 100
  max_conflicts: 3
`
  t.strictSame(parseConfig(REST + text, { REDIS_PASSWORD: 'sesame' }, '/c').stage.store, {
    url: 'rediss://redis.example:6380',
    username: 'logneo',
    password: 'sesame',
    tls: { ca: '/c/ca.pem', cert: '/etc/cert.pem', key: '/etc/key.pem' },
    isCluster: true,
    prefix: 'team-a',
    whenAway: 'local',
    timeoutMs: 500,
    retryMaxMs: 200,
    rememberChunksMs: 60_000,
    expireMs: 7_200_000,
    maxBatchLines: 100,
    maxConflicts: 3,
  })
  t.equal(parseConfig(REST, {}, '/c').stage.store, undefined)
})

t.test('sessions of Kafka partitions are not kept by one process', async t => {
  const input = 'input: {kafka: {brokers: ["h:9092"], topics: [a], group: g}}'
  const text = (rest: string): string =>
    `${REST.replace(/input: .*/, input)}state: {path: s, sessions: true}\n${rest}`
  t.throws(() => parseConfig(text(''), {}), /state\.sessions keeps sessions of partitions/)
  t.throws(
    () => parseConfig(text('store: {kind: redis, url: "redis://h"}'), {}),
    /^state\.sessions has no effect with store.*$/,
  )
  t.doesNotThrow(() => parseConfig(text('').replace('sessions: true', 'sessions: false'), {}))
})

for (const [name, text, problem] of [
  ['no kind', 'store: {url: "redis://h"}', /store.kind/],
  ['another kind', 'store: {kind: memcached, url: "redis://h"}', /store.kind must be redis/],
  ['no address', 'store: {kind: redis}', /store.url/],
  ['an address of something else', 'store: {kind: redis, url: "http://h"}', /redis:\/\/HOST:PORT/],
  ['a prefix with a hash tag', 'store: {kind: redis, url: "redis://h", prefix: "{a}"}', /store.prefix/],
  ['another way to be away', 'store: {kind: redis, url: "redis://h", when_away: drop}', /wait or local/],
  ['a cluster behind a socket', 'store: {kind: redis, url: /run/redis.sock, cluster: true}', /TCP/],
  [
    'sessions that go before they end',
    'store: {kind: redis, url: "redis://h", expire_seconds: 60}\nsession: {idle_timeout_seconds: 600}',
    /store.expire_seconds is shorter/,
  ],
  [
    'a detector that needs one clock',
    'store: {kind: redis, url: "redis://h"}\ndetect: {detectors: [next-key, time-gap]}',
    /detect.detectors has time-gap/,
  ],
] as const) {
  t.test(`refused: ${name}`, async t => {
    const problems = problemsOf(text)
    t.equal(problems.length, 1)
    t.match(problems[0], problem)
  })
}

t.test('what is wrong with an address is told without what the environment put there', async t => {
  const problems = problemsOf(`store: {kind: redis, url: "\${URL}"}`, { URL: 'http://user:sesame@h' })
  t.match(problems, [/store.url/])
  t.notMatch(problems.join(), /sesame/)
})
