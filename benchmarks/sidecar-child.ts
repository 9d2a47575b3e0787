import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../plugin/cli/main.js', import.meta.url))

/** `logneo sidecar` in a process of its own. */
export class SidecarChild {
  private constructor(readonly child: ChildProcess) {}

  /** Resolves when it answers. @throws Error with its words when it ends before */
  static async start(model: string, address: string): Promise<SidecarChild> {
    const child = spawn(process.execPath, [CLI, 'sidecar', '--model', model, '--listen', address], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const lines = createInterface({ input: child.stderr! })
    const said: string[] = []
    for await (const line of lines) {
      said.push(line)
      if (line.includes('answers on')) return new SidecarChild(child)
    }
    throw new Error(`the sidecar did not start: ${said.join('\n')}`)
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit')
    this.child.kill('SIGTERM')
    await ended
  }
}
