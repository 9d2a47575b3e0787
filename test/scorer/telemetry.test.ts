import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const MODULES = new URL('../../scorer/', import.meta.url)

/** Runs a program with an empty home and an empty folder for temporary files; what lies in them afterwards. */
async function filesLeftBy(
  t: { teardown(done: () => Promise<void>): void },
  program: string,
): Promise<string[]> {
  const home = await mkdtemp(join(tmpdir(), 'logneo-telemetry-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  await mkdir(join(home, 'tmp'))
  // The runtime keeps silent on build servers, which it knows by such variables.
  const env = { PATH: process.env.PATH, HOME: home, TMPDIR: join(home, 'tmp') }
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { env })
  const entries = await readdir(home, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

t.test(
  'the runtime in the scoring thread keeps no record of the machine and opens no log of its telemetry',
  async t => {
    const program = `
    import { presetConfig } from '${new URL('model/config.js', MODULES)}'
    import { initialParameters, parameterLayout } from '${new URL('model/parameters.js', MODULES)}'
    import { StepClient } from '${new URL('step-client.js', MODULES)}'
    const config = { ...presetConfig('nano', 8), hiddenSize: 8, intermediateSize: 16, numHeads: 2, contextLength: 8 }
    const parameters = initialParameters(parameterLayout(config), () => 0)
    const client = await StepClient.start({ config, parameters, precision: 'float32', device: {}, numRows: 16 })
    await client.release()`
    t.same(await filesLeftBy(t, program), [])
  },
)
