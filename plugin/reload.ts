import { isDeepStrictEqual } from 'node:util'
import type { Engine } from './engine.js'
import { ConfigError } from './errors.js'
import { LineReader } from './line-reader.js'
import { readLineModel } from './model.js'
import { startModel } from './open-engine.js'
import { Pauses } from './pauses.js'
import type { ResolvedStageOptions } from './stage-options.js'

/**
 * Reads the model at its path again and lets it take over, between two lines. Sessions under way go on in it.
 * @param keepsDrain whether Drain as it is now knows all templates of the model, as when it was trained on what this Drain made of lines
 * @returns the model's id @throws BundleError, and ConfigError when it tells sessions apart by another rule; the model before then stays
 */
export async function reloadModel(
  engine: Engine,
  options: ResolvedStageOptions,
  keepsDrain = false,
): Promise<string> {
  const { bundle, lines } = await readLineModel(options.model)
  const rules = { ...lines.rules, ...options.rules }
  if (!isDeepStrictEqual(rules.session, engine.sessionRule)) {
    throw new ConfigError([
      `the model at ${options.model} tells sessions apart by another rule than the one before: restart to use it`,
    ])
  }
  const drain = keepsDrain ? engine.parts.drain : lines.drain
  const model = await startModel(bundle, { drain, habits: lines.habits }, options)
  await engine.replace({ reader: new LineReader(rules), drain, pauses: new Pauses(rules.pauses), model })
  return bundle.id
}
