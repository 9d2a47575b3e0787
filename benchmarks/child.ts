import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** What a child process can be asked to do, by name. */
export type Handlers = Readonly<Record<string, (argument: never) => unknown>>

type Answer<H extends Handlers, Name extends keyof H> = Awaited<ReturnType<H[Name]>>

interface Call {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

type Reply = { readonly id: number } & ({ readonly answer: unknown } | { readonly error: string })

/** Answers the calls of the process that started this one. */
export function serve(handlers: Handlers): void {
  process.on('message', async ({ id, name, argument }: Call) => {
    try {
      const answer = await (handlers[name] as (argument: unknown) => unknown)(argument)
      process.send!({ id, answer } satisfies Reply)
    } catch (error) {
      process.send!({ id, error: error instanceof Error ? error.message : String(error) } satisfies Reply)
    }
  })
  process.on('disconnect', () => process.exit())
}

/** A program of ours in a process of its own, which answers calls. */
export class Child<H extends Handlers> {
  readonly #process: ChildProcess
  readonly #pending = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>()
  #nextId = 1

  /** @param profileFolder where the process leaves CPU profiles of its threads when it ends */
  constructor(program: URL, profileFolder?: string) {
    const execArgv = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`]
    this.#process = fork(program, { execArgv, serialization: 'advanced' })
    this.#process.on('message', (reply: Reply) => this.#settle(reply))
    this.#process.on('exit', (code, signal) => {
      const error = new Error(`${program.pathname} ended (${signal ?? code}): see its messages above`)
      for (const { reject } of this.#pending.values()) reject(error)
      this.#pending.clear()
    })
  }

  /** Whether the process runs. */
  get isUp(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  call<Name extends keyof H & string>(
    name: Name,
    ...[argument]: Parameters<H[Name]>
  ): Promise<Answer<H, Name>> {
    return new Promise((resolve, reject) => {
      if (!this.isUp) {
        reject(new Error(`the process is gone, it cannot be asked to ${name}`))
        return
      }
      const id = this.#nextId++
      this.#pending.set(id, { resolve: answer => resolve(answer as Answer<H, Name>), reject })
      this.#process.send({ id, name, argument } satisfies Call)
    })
  }

  /** Ends the process and waits until it has gone. */
  async stop(): Promise<void> {
    if (!this.isUp) return
    const gone = once(this.#process, 'exit')
    this.#process.disconnect()
    await gone
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if ('error' in reply) pending?.reject(new Error(reply.error))
    else pending?.resolve(reply.answer)
  }
}
