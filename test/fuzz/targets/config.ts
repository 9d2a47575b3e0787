import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseConfig } from '../../../plugin/config.js'
import { ConfigError } from '../../../plugin/errors.js'
import { endOf, type FuzzTarget } from '../target.js'

const CONFIGS = fileURLToPath(new URL('../../../../configs/', import.meta.url))
const ENVIRONMENT = { SECRET: 'hunter2-hunter2', NUMBER: '7' }

/** Pieces of YAML and of our config, with spaces between. */
const WORDS =
  `\${SECRET} \${NUMBER} \${ $\${ \${file:/dev/null} *a &a <<: !!js | >- ? [ ] { } " ' 0 -1 1e9 .inf null true # ` +
  "input: output: forward: kafka: http: session: regex: '(a+)+$' alerts: persist: tls: shared_key: brokers: paths:"

/** Config files: a config, or a list of problems. */
export function configFile(): FuzzTarget {
  const names = readdirSync(CONFIGS, { recursive: true, encoding: 'utf8' })
  const files = names.filter(name => name.endsWith('.logneo.yaml'))
  return {
    seeds: files.map(name => readFileSync(join(CONFIGS, name))),
    maxBytes: 1 << 16,
    words: [...WORDS.split(' '), ' ', '  ', '\n', ': ', '- ', '---\n', '\t', '__proto__: 1\n'],
    run: input => endOf(() => parseConfig(input.toString(), ENVIRONMENT, '/tmp') && 'config', ConfigError),
  }
}
