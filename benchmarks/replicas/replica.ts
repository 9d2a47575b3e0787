import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'

const CLI = fileURLToPath(new URL('../../plugin/cli/main.js', import.meta.url))

export interface ReplicaSettings {
  readonly broker: string
  readonly model: string
  readonly from: string
  readonly to: string
  readonly group: string
  /** Silence after which the group gives it up, in milliseconds. */
  readonly sessionTimeoutMs: number
  /** Pattern of the lines that end a session; missing: sessions end by silence alone. */
  readonly end?: string
  /** URL of the Redis server that sessions are shared by; missing: each replica has its own. */
  readonly redis?: string
}

/** `logneo run` as a process of its own between two topics. */
export class Replica {
  readonly #ended: Promise<unknown>

  private constructor(readonly process: ChildProcess) {
    this.#ended = once(process, 'exit')
  }

  /** @param folder for its config and for what it says */
  static async start(folder: string, name: string, settings: ReplicaSettings): Promise<Replica> {
    const config = join(folder, `${name}.logneo.yaml`)
    await writeFile(config, configOf(settings))
    const said = openSync(join(folder, `${name}.txt`), 'a')
    const child = spawn(process.execPath, [CLI, 'run', '--config', config], {
      stdio: ['ignore', 'ignore', said],
    })
    closeSync(said)
    const kill = (): boolean => child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.off('exit', kill))
    return new Replica(child)
  }

  /** Sends a signal and waits until it has gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const { exitCode, signalCode } = this.process
    if (exitCode === null && signalCode === null) this.process.kill(signal)
    await this.#ended
  }
}

function configOf({ broker, model, from, to, group, sessionTimeoutMs, end, redis }: ReplicaSettings): string {
  const brokers = [broker]
  return stringify({
    model: { path: model, learn: { enabled: false } },
    input: {
      kafka: {
        brokers,
        topics: [from],
        group,
        transactions: true,
        session_timeout_ms: sessionTimeoutMs,
        heartbeat_ms: Math.min(1000, Math.floor(sessionTimeoutMs / 5)),
      },
    },
    output: { kafka: { brokers, topic: to } },
    ...(end !== undefined && { session: { end } }),
    ...(redis !== undefined && { store: { kind: 'redis', url: redis, prefix: group } }),
    log: { level: 'warn' },
  })
}
