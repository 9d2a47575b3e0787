import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Place } from './network.js'

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 20_000

const CLI = fileURLToPath(new URL('../../plugin/cli/main.js', import.meta.url))

/** The command line of a `logneo` command. */
export const logneo = (...args: string[]): string[] => [process.execPath, CLI, ...args]

/** What must not outlive this process. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A program of the pipeline that is killed and started again, always with the same command. */
export class Part {
  #child: ChildProcess | undefined
  #isWanted = false
  /** Times it ended without having been told to. */
  numCrashes = 0

  /** @param log file that gets what it says */
  constructor(
    readonly place: Place,
    readonly command: readonly string[],
    readonly log: string,
  ) {}

  /** Starts it and waits for nothing. */
  start(): void {
    const [command, ...args] = [...this.place.prefix, ...this.command]
    const output = openSync(this.log, 'a')
    const child = spawn(command!, args, { stdio: ['ignore', output, output] })
    closeSync(output)
    this.#child = child
    this.#isWanted = true
    running.add(child)
    child.once('exit', () => {
      running.delete(child)
      if (this.#child === child && this.#isWanted) this.numCrashes++
    })
  }

  /** Resolves when it takes connections at a port. @throws Error when it does not in time */
  async listens(port: number, host = this.place.host): Promise<void> {
    for (const endAt = Date.now() + START_TIMEOUT_MS; !(await isListening(port, host)); await sleep(20))
      if (Date.now() > endAt) throw new Error(`nothing listens on ${host}:${port}: see ${this.log}`)
  }

  /** Ends it without a word. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** Keeps it from doing anything, its connections open. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Asks it to end, and ends it when it takes too long. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await this.#end('SIGTERM')
    clearTimeout(timer)
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    this.#isWanted = false
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}

function isListening(port: number, host: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host, timeout: 1000 })
    const done = (is: boolean): void => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
    socket.once('timeout', () => done(false))
  })
}
