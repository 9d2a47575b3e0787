import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { trainCommand } from '../plugin/cli/train.js'
import { readLineModel } from '../plugin/model.js'
import { BUNDLE_VERSION } from '../scorer/bundle-manifest.js'
import type { ReplayInput } from './replay.js'

/** A model of a log, trained at the first time and kept in the system's temporary folder under a name made from the log's contents. */
export async function cachedModel({ input, sessionRegex, format }: ReplayInput) {
  const hash = createHash('sha256')
    .update(await readFile(input))
    .update(JSON.stringify([sessionRegex, format, BUNDLE_VERSION]))
  const path = join(tmpdir(), `logneo-benchmark-${hash.digest('hex').slice(0, 16)}`)
  if (!existsSync(join(path, 'manifest.json'))) {
    const given = { input: [input], sessionRegex, out: path, complete: true, progress: false }
    await trainCommand(format === undefined ? given : { ...given, format })
  }
  const { bundle, lines } = await readLineModel(path)
  return { path, id: bundle.id, format: lines.rules.format }
}
