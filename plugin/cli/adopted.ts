import { existsSync } from 'node:fs'
import type { Adoption } from '../adopt/adoptions.js'
import { StateDirectory } from '../adopt/state-directory.js'
import { emit, say, UsageError } from './terminal.js'

/** `logneo adopted`: what a stage took as normal, and taking it back. */
export async function adoptedCommand(path: string, revoke: string | undefined): Promise<void> {
  const state = openState(path)
  if (revoke === undefined) {
    await emit(state.adoptions.all().map(told).join(''))
    if (state.adoptions.size === 0) say('nothing was adopted')
    return
  }
  if (state.revoke(revoke) === undefined) {
    throw new UsageError(
      `nothing of the id ${revoke} was adopted; logneo adopted --state ${path} lists what was`,
    )
  }
  say(`revoked ${revoke}, which does not come back by itself; ${EFFECTIVE}`)
}

/** `logneo feedback`: marks a flagged session as normal in the state directory of a stage. */
export function feedbackCommand(path: string, session: string): void {
  const adoption = openState(path).mark(session)
  if (adoption === undefined) throw notFlagged(session)
  say(`${markedText(adoption)}\n${EFFECTIVE}`)
}

/** The same, by HTTP, of a stage that runs. */
export async function feedbackByHttp(url: string, session: string, token: string | undefined): Promise<void> {
  if (token === undefined || token === '')
    throw new UsageError(
      '--url needs the token of the stage in the environment variable LOGNEO_FEEDBACK_TOKEN',
    )
  const response = await fetch(new URL('/feedback', url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ normal: session }),
  }).catch((error: Error) => {
    throw new UsageError(`cannot reach ${url}: ${String(error.cause ?? error.message)}`)
  })
  if (response.status === 404) throw notFlagged(session)
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>
  if (!response.ok)
    throw new UsageError(`${url} refused (${response.status}): ${String(body.error ?? 'no reason given')}`)
  say(markedText({ id: String(body.adopted), description: (body.description ?? []) as string[] }))
}

const EFFECTIVE = 'a running stage follows on SIGHUP, others when they start'

function openState(path: string): StateDirectory {
  if (!existsSync(path))
    throw new UsageError(`there is no state directory ${path}: give the one of the stage`)
  return StateDirectory.open(path, { warn: say })
}

function notFlagged(session: string): UsageError {
  return new UsageError(
    `no session ${session} was flagged lately: give the id as its verdicts and its summary do (the last 1,000 are remembered)`,
  )
}

function markedText({ id, description }: Pick<Adoption, 'id' | 'description'>): string {
  return [`taken as normal from now on, as ${id}:`, ...description.map(line => `  ${line}`)].join('\n')
}

function told({ id, time, by, session, description, sightings }: Adoption): string {
  const why =
    by === 'feedback'
      ? `marked as normal with session ${session}`
      : `shown by ${sightings?.sessions ?? 'several'} flagged sessions, the last one ${session}`
  return `${id}  ${time}  ${why}\n${description.map(line => `    ${line}\n`).join('')}`
}
