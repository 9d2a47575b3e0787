import { loadConfig } from '../config.js'
import type { Environment } from '../config-secrets.js'
import { examineConfig } from '../doctor/examine-config.js'
import type { Finding, PeerReport } from '../doctor/findings.js'
import { emit } from './terminal.js'

export interface DoctorConfigOptions {
  readonly json?: boolean
  /** How long each peer may take, in seconds. */
  readonly timeout: number
  /** For `${NAME}` in the config. */
  readonly environment: Environment
}

/**
 * `logneo doctor --config`: whether everything that a config names can be reached and used.
 *
 * @returns the exit code: 0 when it can, 1 when not
 * @throws ConfigError for a config that is wrong
 */
export async function doctorConfig(
  path: string,
  { json = false, timeout, environment }: DoctorConfigOptions,
): Promise<number> {
  const peers = await examineConfig(await loadConfig(path, environment), timeout * 1000)
  const passed = peers.every(({ findings }) => findings.every(({ status }) => status !== 'failed'))
  const report = { config: path, passed, peers }
  await emit(json ? `${JSON.stringify(report, undefined, 1)}\n` : describePeers(peers, passed))
  return passed ? 0 : 1
}

const LABELS = { ok: 'ok', warning: 'note', failed: 'FAILED' } as const
const LABEL_WIDTH = 8

/** The report for people. Exported for tests. */
export function describePeers(peers: readonly PeerReport[], passed: boolean): string {
  const lines = peers.flatMap(({ part, peer, findings }) => [
    `${part} (${peer})`,
    ...findings.flatMap(describe),
  ])
  const numFailed = peers.filter(({ findings }) => findings.some(({ status }) => status === 'failed')).length
  const verdict = passed
    ? 'OK: everything answers. No record and no alert was sent.'
    : `FAILED: ${numFailed} of ${peers.length} did not pass, see above. No record and no alert was sent.`
  return `${[...lines, '', verdict].join('\n')}\n`
}

function describe({ status, text, advice }: Finding): string[] {
  const indent = ' '.repeat(LABEL_WIDTH + 2)
  return [
    `  ${LABELS[status].padEnd(LABEL_WIDTH)}${text}`,
    ...(advice === undefined ? [] : [`${indent}-> ${advice}`]),
  ]
}
