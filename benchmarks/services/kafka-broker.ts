import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePorts } from './free-ports.js'
import { findProgram, missing } from './program.js'

const LIBS_VARIABLE = 'LOGNEO_KAFKA_LIBS'
const LOCALHOST = '127.0.0.1'
const START_TIMEOUT_MS = 60_000
/** Any 16 bytes in base 64. */
const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qg'

/** The one user that the broker knows. */
export const KAFKA_USER = { username: 'logneo', password: 'a-password' } as const
const LOGIN_MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule'

/** Why tests with a Kafka broker are to be skipped, `false` where they can run. @throws Error as `findProgram` does */
export function kafkaMissing(): string | false {
  if (findProgram('java', 'LOGNEO_JAVA') === undefined) return missing('java', 'LOGNEO_JAVA')
  const libs = libsFolder()
  const isThere = existsSync(libs) && readdirSync(libs).some(name => /^kafka_[\d.]+-.*\.jar$/.test(name))
  if (isThere) return false
  const text = `there is no Kafka broker in ${libs} (install_kafka of .ci/services.sh puts it there, ${LIBS_VARIABLE} names another folder)`
  if (process.env.LOGNEO_REQUIRE_SERVICES === '1') throw new Error(text)
  return text
}

const libsFolder = (): string => process.env[LIBS_VARIABLE] ?? join(homedir(), '.cache', 'logneo', 'kafka')

/** A broker of its own: one node in KRaft mode on free ports, its data in a temporary folder. */
export class KafkaBroker {
  #child: ChildProcess | undefined

  private constructor(
    readonly host: string,
    readonly port: number,
    readonly securePort: number,
    readonly folder: string,
    readonly properties: Properties,
  ) {
    // A test that is ended for taking too long leaves nothing behind.
    process.once('exit', () => this.#child?.kill('SIGKILL'))
    process.once('SIGTERM', () => process.exit(1))
  }

  get address(): string {
    return `${this.host}:${this.port}`
  }

  /** Where the broker wants TLS and `KAFKA_USER`. */
  get secureAddress(): string {
    return `${this.host}:${this.securePort}`
  }

  /** PEM file of the certificate shown there. */
  get certificate(): string {
    return join(this.folder, 'cert.pem')
  }

  /** @param host address of this machine to listen on and to be reached by @param properties settings of the broker, over ours */
  static async start(host = LOCALHOST, properties: Properties = {}): Promise<KafkaBroker> {
    const [port, securePort, controllerPort] = await freePorts(3, host)
    const folder = await mkdtemp(join(tmpdir(), 'logneo-kafka-'))
    const broker = new KafkaBroker(host, port!, securePort!, folder, properties)
    await broker.#certify()
    await broker.#format(controllerPort!)
    await broker.start()
    return broker
  }

  /** Starts the process, again on the same port and data; resolves when it takes connections. */
  async start(): Promise<void> {
    const child = spawn(
      findProgram('java', 'LOGNEO_JAVA')!,
      [
        '-Xmx384m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-cp',
        join(libsFolder(), '*'),
        'kafka.Kafka',
        join(this.folder, 'server.properties'),
      ],
      { stdio: 'ignore' },
    )
    this.#child = child
    for (const endAt = Date.now() + START_TIMEOUT_MS; !(await this.#isListening()); await sleep(50)) {
      if (child.exitCode !== null) throw new Error(`the Kafka broker ended at once with ${child.exitCode}`)
      if (Date.now() > endAt) throw new Error('the Kafka broker did not start in time')
    }
  }

  /** Ends the process without a word, its data stays. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async remove(): Promise<void> {
    await this.kill()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** A certificate that vouches for itself, good for a day. */
  async #certify(): Promise<void> {
    const key = join(this.folder, 'key.pem')
    const request = `req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=${this.host} -addext subjectAltName=IP:${this.host}`
    await promisify(execFile)('openssl', [...request.split(' '), '-keyout', key, '-out', this.certificate])
    const parts = await Promise.all([readFile(key), readFile(this.certificate)])
    await writeFile(join(this.folder, 'both.pem'), Buffer.concat(parts))
  }

  /** What `kafka-storage format` would write, without a second Java process, and settings for one node that answers at once. */
  async #format(controllerPort: number): Promise<void> {
    const { username, password } = KAFKA_USER
    const logs = join(this.folder, 'logs')
    await mkdir(logs)
    await writeFile(
      join(logs, 'meta.properties'),
      lines({ version: 1, 'cluster.id': CLUSTER_ID, 'node.id': 1, 'directory.id': CLUSTER_ID }),
    )
    await writeFile(
      join(this.folder, 'server.properties'),
      lines({
        'process.roles': 'broker,controller',
        'node.id': 1,
        'controller.quorum.voters': `1@${this.host}:${controllerPort}`,
        listeners: `PLAINTEXT://${this.address},SECURE://${this.secureAddress},CONTROLLER://${this.host}:${controllerPort}`,
        'advertised.listeners': `PLAINTEXT://${this.address},SECURE://${this.secureAddress}`,
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL',
        'controller.listener.names': 'CONTROLLER',
        'listener.name.secure.ssl.keystore.type': 'PEM',
        'listener.name.secure.ssl.keystore.location': join(this.folder, 'both.pem'),
        'listener.name.secure.sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.secure.plain.sasl.jaas.config': `${LOGIN_MODULE} required user_${username}="${password}";`,
        'log.dirs': logs,
        'offsets.topic.replication.factor': 1,
        'offsets.topic.num.partitions': 2,
        'transaction.state.log.replication.factor': 1,
        'transaction.state.log.min.isr': 1,
        'transaction.state.log.num.partitions': 2,
        'group.initial.rebalance.delay.ms': 0,
        'group.min.session.timeout.ms': 1000,
        // After a kill the node may not come back before its controller took it for dead.
        'broker.session.timeout.ms': 1500,
        'broker.heartbeat.interval.ms': 300,
        'auto.create.topics.enable': false,
        'log.cleaner.enable': false,
        ...this.properties,
      }),
    )
  }

  #isListening(): Promise<boolean> {
    return new Promise(resolve => {
      const socket = connect(this.port, this.host)
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
  }
}

type Properties = Readonly<Record<string, string | number | boolean>>

const lines = (properties: Properties): string =>
  Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
