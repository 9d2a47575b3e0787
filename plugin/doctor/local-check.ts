import { readBundle } from '../../scorer/bundle.js'
import type { Config } from '../config.js'
import { inspectEnvironment } from '../config-environment.js'
import { isNothingAt } from '../model.js'
import type { PeerCheck } from './findings.js'

/** Whether the model can be read. */
export function modelCheck({ stage: { model }, learn }: Config): PeerCheck {
  return {
    part: 'model',
    peer: model,
    advice: 'train a model there (logneo train --input FILE... --out DIR), or mend the path',
    look: async findings => {
      if (learn.mayLearn && (await isNothingAt(model))) {
        findings.warning(
          'there is none: one would be learnt from the stream',
          'check the path if there should be one',
        )
        return
      }
      const { id, vocabulary } = await readBundle(model)
      findings.ok(`model ${id}, ${vocabulary.keys.length} templates`)
    },
  }
}

/** Files, folders and addresses to listen on, as `logneo check` tries them. */
export function machineCheck(config: Config): PeerCheck {
  return {
    part: 'machine',
    peer: 'files and ports',
    advice: 'run logneo check --config FILE',
    look: async findings => {
      // These sentences say themselves what to do.
      const { problems, notes } = await inspectEnvironment(config)
      for (const text of problems) findings.failed(text)
      for (const text of notes) findings.warning(text)
      if (problems.length + notes.length === 0)
        findings.ok('what it reads, writes and listens on is as it must be')
    },
  }
}
