import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { sleep } from './random.js'
import { schemaScript } from './schema.js'
import { ROLES, type Role } from './world.js'

/** Size of the file system that holds the import's staging table, MiB. */
const STAGING_MEBIBYTES = 6

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  max_connections: 30,
  superuser_reserved_connections: 0,
  shared_buffers: '32MB',
  fsync: 'off',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  log_line_prefix: '%m [%p] %c %q%u@%d ',
  log_connections: 'on',
  log_disconnections: 'on',
  log_checkpoints: 'on',
  checkpoint_timeout: '60s',
  log_lock_waits: 'on',
  deadlock_timeout: '400ms',
  log_temp_files: 0,
  log_statement: 'all',
  log_min_duration_statement: '600ms',
  max_parallel_workers_per_gather: 0,
} as const

const HOST_RULES = `local all all trust
host all all 127.0.0.1/32 password
`

/** A private server in a directory of its own, which `remove` deletes. */
export class Cluster {
  readonly data: string
  readonly logFile: string
  readonly identity: { uid: number; gid: number } | undefined
  readonly passwords: Record<Role, string>
  /** Mount point of the small file system; undefined without root, which leaves disk-full faults out. */
  readonly staging: string | undefined
  port = 0
  /** Path of the audit archive's file below the data directory. */
  archiveFile = ''
  #server: ChildProcess | undefined

  constructor(
    readonly directory: string,
    readonly binaries: string,
  ) {
    this.data = join(directory, 'data')
    this.logFile = join(directory, 'server.log')
    this.identity = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : undefined
    this.staging = this.identity && join(directory, 'staging')
    const roles = Object.keys(ROLES) as Role[]
    this.passwords = Object.fromEntries(roles.map(role => [role, randomUUID()])) as Record<Role, string>
  }

  /** Creates the cluster and its contents; nothing of this reaches the recorded log. */
  async create(): Promise<void> {
    mkdirSync(this.directory)
    this.#own(this.directory)
    if (this.staging) {
      mkdirSync(this.staging)
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${STAGING_MEBIBYTES}m`, 'none', this.staging])
      this.#own(this.staging)
    }
    const flags = [
      '-D',
      this.data,
      '-U',
      'postgres',
      '-E',
      'UTF8',
      '--locale=C',
      '--data-checksums',
      '--no-sync',
    ]
    this.#tool('initdb', flags)
    writeFileSync(join(this.data, 'pg_hba.conf'), HOST_RULES)
    this.port = await freePort()
    await this.start(join(this.directory, 'setup.log'), 'none')
    this.#tool(
      'psql',
      [...this.#local('postgres'), '-v', 'ON_ERROR_STOP=1', '-f', '-'],
      schemaScript(this.passwords, this.staging),
    )
    this.#tool('pgbench', [...this.#local('bench', 'bench'), '-i', '-s', '3', '-q'])
    this.archiveFile = this.#tool('psql', [
      ...this.#local('shop'),
      '-Atc',
      "SELECT pg_relation_filepath('audit_archive')",
    ]).trim()
    await this.stop()
  }

  async start(logFile = this.logFile, statements = SETTINGS.log_statement as string): Promise<void> {
    const settings = {
      ...SETTINGS,
      log_statement: statements,
      port: this.port,
      unix_socket_directories: this.directory,
    }
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const output = openSync(logFile, 'a')
    const stdio = ['ignore', output, output] as const
    this.#server = spawn(join(this.binaries, 'postgres'), ['-D', this.data, ...flags], {
      ...this.identity,
      cwd: this.directory,
      stdio: [...stdio],
    })
    closeSync(output)
    await this.untilReady(0, logFile)
  }

  /** Waits until the log says, after byte `from`, that the server accepts connections. */
  async untilReady(from: number, logFile = this.logFile): Promise<void> {
    while (!readFileSync(logFile).includes('ready to accept connections', from)) {
      if (this.#server?.exitCode != null) throw new Error(`the server stopped; see ${logFile}`)
      await sleep(20)
    }
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (!server || server.exitCode !== null) return
    const exited = new Promise(resolve => server.once('exit', resolve))
    server.kill('SIGINT')
    await exited
  }

  async remove(): Promise<void> {
    await this.stop()
    if (this.staging) execFileSync('umount', [this.staging])
    rmSync(this.directory, { recursive: true })
  }

  #local(database: string, user = 'postgres'): string[] {
    return [
      '-h',
      this.directory,
      '-p',
      String(this.port),
      '-U',
      user,
      ...(user === 'bench' ? [database] : ['-d', database]),
    ]
  }

  #tool(name: string, flags: readonly string[], input = ''): string {
    const stdio = ['pipe', 'pipe', 'pipe'] as const
    const options = { ...this.identity, cwd: '/', input, encoding: 'utf8', stdio: [...stdio] } as const
    return execFileSync(join(this.binaries, name), flags, { ...options, stdio: [...stdio] })
  }

  #own(path: string): void {
    chmodSync(path, 0o755)
    if (this.identity) chownSync(path, this.identity.uid, this.identity.gid)
  }
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
