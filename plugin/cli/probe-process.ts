import { ProviderError } from '../../scorer/errors.js'
import { PROVIDERS, type Provider } from '../../scorer/provider.js'

/*
 * A process of its own (see probe-apart.ts): loads the provider that its argument names, and writes to stdout, in JSON, why it cannot. A driver that
 * crashes, or writes to the terminal, does so here.
 */

const provider = process.argv[2] as Provider
if (!PROVIDERS.includes(provider)) throw new RangeError(`no provider: ${provider}`)
try {
  const { probe } = await import('../../scorer/probe.js')
  await probe({ provider })
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  const reason = error instanceof ProviderError ? error.reason : message
  process.stdout.write(JSON.stringify({ reason, problem: message }))
}
