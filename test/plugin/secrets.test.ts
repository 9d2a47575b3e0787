import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { configJsonSchema, parseConfig } from '../../plugin/config.js'
import { ConfigError } from '../../plugin/errors.js'
import { isSecretSetting } from '../../plugin/secret-settings.js'
import { RawPeer, startServer } from '../fixtures/forward-peer.js'
import { encode } from '../fixtures/forward-values.js'
import { MAIN } from '../fixtures/plugin/cli.js'
import { smallModel } from '../fixtures/plugin/small-model.js'

const SECRET = 'hunter2-hunter2-hunter2'

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

/** The paths of all settings, a list's items as 0. */
function pathsOf(schema: Schema, path: readonly (string | number)[] = []): (string | number)[][] {
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, one]) =>
    pathsOf(one, [...path, name]),
  )
  const items = schema.items === undefined ? [] : pathsOf(schema.items, [...path, 0])
  const others = (schema.anyOf ?? []).flatMap(one =>
    pathsOf(one, path).filter(({ length }) => length > path.length),
  )
  return [[...path], ...inner, ...items, ...others]
}

/** A config that holds one setting. */
function holding(path: readonly (string | number)[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, name) => (name === 0 ? [inner] : { [name]: inner }), value)
}

function problemsOf(text: string): string {
  try {
    parseConfig(text, { SECRET })
    return ''
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message
  }
}

const SECRETS = pathsOf(configJsonSchema() as Schema).filter(isSecretSetting)

t.test('the secrets of the config are known', async t => {
  const names = SECRETS.map(path => path.join('.'))
  for (const name of [
    'input.forward.shared_key',
    'input.forward.users.0.password',
    'input.http.token',
    'alerts.slack.url',
    'feedback.token',
  ])
    t.ok(names.includes(name), name)
  t.ok(names.length >= 14, names.join())
})

t.test('no problem of the config shows a secret, wherever it is wrong', async t => {
  for (const path of SECRETS) {
    const wrong = [{ a: SECRET }, [SECRET], [[SECRET]], `${SECRET} `.repeat(300), `mysql://${SECRET}`]
    const misplaced = path.slice(1).map((_, i) => stringify(holding(path.slice(0, i + 1), SECRET)))
    const filled = path
      .slice(1)
      .map((_, i) => stringify(holding(path.slice(0, i + 1), { a: `\${SECRET}`, z: [`\${SECRET}`] })))
    for (const text of [...wrong.map(value => stringify(holding(path, value))), ...misplaced, ...filled]) {
      const told = problemsOf(text)
      if (told.includes(SECRET)) t.fail(`${path.join('.')}: ${told}`)
    }
  }
  for (const text of [
    `a: !${SECRET}`,
    `a: *${SECRET}`,
    `a: |${SECRET}`,
    `a: "x" ${SECRET}`,
    `a: [${SECRET}`,
    `? ${SECRET}\n? ${SECRET}`,
    `a: "${SECRET}`,
  ])
    t.notMatch(problemsOf(text), SECRET, text)
})

/** A server for all outputs that take HTTP: says no to everything, and repeats what it was told. */
async function startRefuser(t: Test): Promise<string> {
  const server = createServer((request, response) => {
    request.resume()
    const told = [request.headers.authorization ?? '', request.url ?? '']
    response
      .writeHead(401)
      .end(JSON.stringify({ error: { reason: `no: ${told.map(text => text.slice(0, 3)).join()}` } }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** All text in the files below a folder. */
function textBelow(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => join(folder, name))
    .filter(path => statSync(path).isFile())
    .map(path => readFileSync(path, 'latin1'))
    .join('\n')
}

/** What the stage below says when the receiver and Elasticsearch refuse it, and PostgreSQL and Kafka are away. */
const FAILURES = [
  /refuses us \(go away\)/,
  /HTTP 401/,
  /postgresql .*ECONNREFUSED/,
  /kafka b .*takes nothing/,
  /kafka a as g .*trying again/,
]

t.test('a stage that fails wherever it can tells no secret', { timeout: 60_000 }, async t => {
  const folder = t.testdir({ 'key.txt': `file-${SECRET}\n`, out: {} })
  const refuser = await startRefuser(t)
  const receiver = await startServer(t, socket => {
    socket.write(encode(['HELO', { nonce: 'n', auth: 'salt', keepalive: true }]))
    socket.on('data', () => socket.write(encode(['PONG', false, 'go away', 'h', ''])))
  })
  const config = {
    model: { path: await smallModel(), sidecar: { address: 'tcp:127.0.0.1:1', token: SECRET } },
    input: {
      forward: {
        port: 0,
        shared_key: `\${file:key.txt}`,
        users: [{ username: 'web', password: `\${SECRET}` }],
      },
      http: { port: 0, token: SECRET },
      kafka: {
        brokers: ['127.0.0.1:1'],
        topics: ['a'],
        group: 'g',
        sasl: { mechanism: 'scram-sha-512', username: 'u', password: SECRET },
      },
    },
    output: {
      forward: {
        port: receiver.port,
        shared_key: SECRET,
        username: 'u',
        password: SECRET,
        retry_max_ms: 500,
        close_timeout_ms: 100,
      },
      elasticsearch: { urls: [`http://${refuser}`], username: 'u', password: SECRET, close_timeout_ms: 100 },
      kafka: {
        brokers: ['127.0.0.1:1'],
        topic: 'b',
        sasl: { mechanism: 'plain', username: 'u', password: SECRET },
        close_timeout_ms: 100,
      },
    },
    dead_letter: { path: 'out/dead.ndjson' },
    state: { path: 'out/state' },
    feedback: { token: SECRET },
    persist: { postgres: { url: `postgres://u:${SECRET}@127.0.0.1:1/db` } },
    alerts: {
      slack: { url: `http://${refuser}/services/${SECRET}` },
      webhook: { url: `http://${refuser}/${SECRET}`, secret: SECRET },
      email: {
        host: '127.0.0.1',
        port: 1,
        username: 'u',
        password: SECRET,
        from: 'a@example.org',
        to: ['b@example.org'],
      },
      group_wait_seconds: 0,
      min_severity: 'low',
    },
    metrics: { port: 0 },
    log: { level: 'trace' },
  }
  writeFileSync(join(folder, 'run.logneo.yaml'), stringify(config))
  const stage = await Stage.start(t, join(folder, 'run.logneo.yaml'))
  const [http, ops] = [
    await stage.says(/http 127\.0\.0\.1:(\d+)/),
    await stage.says(/metrics on http:\/\/127\.0\.0\.1:(\d+)/),
  ]
  const forward = await stage.says(/Forward chunks on 127\.0\.0\.1:(\d+)/)
  const answers = await provoke(forward, http, ops)
  for (const failure of FAILURES) await stage.says(failure)
  const metrics = await (await fetch(`http://127.0.0.1:${ops}/metrics`)).text()
  stage.child.kill('SIGTERM')
  await Promise.race([once(stage.child, 'exit'), sleep(3000, undefined, { ref: false })])
  t.match(metrics, /logneo_forward_handshakes_refused_total 1/)
  t.notMatch(stage.told, SECRET, 'standard output and error')
  t.notMatch(metrics, SECRET, 'metrics')
  t.notMatch(answers.join('\n'), SECRET, 'answers')
  t.notMatch(textBelow(join(folder, 'out')), SECRET, 'files')
})

/** Knocks on all doors with wrong keys. @returns what was answered */
async function provoke(forward: number, http: number, ops: number): Promise<string[]> {
  const peer = await RawPeer.to({ family: 'IPv4', address: '127.0.0.1', port: forward })
  peer.send(['PING', 'h', 's', 'd'.repeat(128), 'web', 'd'.repeat(128)])
  await peer.closed
  const wrong = { method: 'POST', headers: { authorization: 'Bearer wrong' }, body: '{"message":"x"}' }
  const right = { ...wrong, headers: { authorization: `Bearer ${SECRET}`, 'content-encoding': 'br' } }
  const asked = [
    fetch(`http://127.0.0.1:${http}/`, wrong),
    fetch(`http://127.0.0.1:${http}/`, right),
    fetch(`http://127.0.0.1:${ops}/feedback`, wrong),
    fetch(`http://127.0.0.1:${ops}/feedback`, { ...right, body: '{"normal":"nobody"}' }),
    fetch(`http://127.0.0.1:${ops}/healthz`),
    fetch(`http://127.0.0.1:${ops}/readyz`),
  ]
  const told = await Promise.all(asked.map(async answer => (await answer).text()))
  // Never answered, as no output takes it, but it makes them try.
  void fetch(`http://127.0.0.1:${http}/`, { ...wrong, headers: { authorization: `Bearer ${SECRET}` } }).catch(
    () => {},
  )
  return [JSON.stringify(peer.replies), ...told]
}

/** `logneo run` with all that it says. */
class Stage {
  told = ''

  private constructor(readonly child: ReturnType<typeof spawn>) {
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', data => (this.told += String(data)))
  }

  static async start(t: Test, config: string): Promise<Stage> {
    const child = spawn(process.execPath, [MAIN, 'run', '--config', config], {
      env: { ...process.env, SECRET: `environment-${SECRET}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    return new Stage(child)
  }

  /** Waits until it says something. @returns the number in it */
  async says(pattern: RegExp): Promise<number> {
    while (!pattern.test(this.told)) {
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.told}`)
      await sleep(50)
    }
    return Number(pattern.exec(this.told)![1])
  }
}
