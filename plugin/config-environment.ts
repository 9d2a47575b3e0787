import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import type { Config } from './config.js'
import { DEFAULT_FORWARD_SERVER_OPTIONS } from './input/forward-options.js'
import { DEFAULT_HTTP_INPUT_OPTIONS } from './input/http-options.js'
import type { KafkaConnectionOptions } from './kafka/connection.js'
import type { TlsClientFiles } from './tls-files.js'

/** What a config finds on the machine. */
export interface EnvironmentFindings {
  /** What would keep it from running. */
  readonly problems: readonly string[]
  /** What may be intended. */
  readonly notes: readonly string[]
}

/** Tries what a config needs beside its model: files to read, folders to write to, addresses to listen on. Changes nothing. */
export async function inspectEnvironment({
  input,
  output,
  deadLetter,
  history,
  alerts,
  metrics,
}: Config): Promise<EnvironmentFindings> {
  const problems: (string | undefined)[] = await Promise.all([
    ...(input.files?.paths ?? []).map(path => unreadable('input.files.paths', path)),
    ...(input.follow === undefined
      ? []
      : [unmakeable('the positions of input.files', input.follow.positions)]),
    ...(input.forward?.path === undefined
      ? []
      : [unwritable('input.forward.path', dirname(input.forward.path))]),
    ...(output.elasticsearch?.caFile === undefined
      ? []
      : [unreadable('output.elasticsearch.tls.ca', output.elasticsearch.caFile)]),
    ...(history?.place.kind === 'postgres' && history.place.caFile !== undefined
      ? [unreadable('persist.postgres.tls.ca', history.place.caFile)]
      : []),
    ...(history?.place.kind === 'embedded'
      ? [unmakeable('persist.embedded.path', history.place.folder)]
      : []),
    ...(history?.archive === undefined ? [] : [unmakeable('persist.archive', history.archive)]),
    ...(alerts?.channels.email?.caFile === undefined
      ? []
      : [unreadable('alerts.email.tls.ca', alerts.channels.email.caFile)]),
    ...(output.ndjson === undefined || output.ndjson.path === '-'
      ? []
      : [unwritableFile('output.ndjson.path', output.ndjson.path)]),
    ...tlsFiles('input.forward.tls', input.forward?.tls),
    ...tlsFiles('input.http.tls', input.http?.tls),
    ...tlsFiles('output.forward.tls', output.forward?.tls),
    ...(deadLetter === undefined ? [] : [unmakeable('dead_letter.path', deadLetter.path)]),
    ...kafkaFiles('input.kafka', input.kafka),
    ...kafkaFiles('output.kafka', output.kafka),
  ])
  const notes = [...kafkaNotes('input.kafka', input.kafka), ...kafkaNotes('output.kafka', output.kafka)]
  const { host, port } = { ...DEFAULT_FORWARD_SERVER_OPTIONS, ...input.forward }
  const addresses = [
    ...(input.forward !== undefined && input.forward.path === undefined
      ? [{ name: 'input.forward', host, port }]
      : []),
    ...(input.http === undefined
      ? []
      : [{ name: 'input.http', ...listeningAddress({ ...DEFAULT_HTTP_INPUT_OPTIONS, ...input.http }) }]),
    ...(metrics === undefined ? [] : [{ name: 'metrics', ...metrics }]),
  ]
  for (const address of addresses) {
    const { name } = address
    const code = await listeningFault(address.host, address.port)
    if (code === 'EADDRINUSE') {
      notes.push(`${name}: port ${address.port} is in use now, by logneo itself if it runs already`)
    } else if (code !== undefined) {
      problems.push(
        `${name} cannot listen on ${address.host}:${address.port} (${code}): ${LISTEN_ADVICE[code] ?? 'choose another address'}`,
      )
    }
  }
  return { problems: problems.filter(problem => problem !== undefined), notes }
}

function kafkaFiles(name: string, options: KafkaConnectionOptions | undefined) {
  return tlsFiles(`${name}.tls`, options?.tls)
}

function kafkaNotes(name: string, options: KafkaConnectionOptions | undefined): string[] {
  const isOpen = options?.sasl?.mechanism === 'plain' && options.tls === undefined
  return isOpen
    ? [`${name}.sasl: plain without tls shows the password to whoever listens: add tls, or use scram-sha-512`]
    : []
}

const listeningAddress = ({ host, port }: { readonly host: string; readonly port: number }) => ({
  host,
  port,
})

/** Each of the files of a `tls` section. */
function tlsFiles(name: string, files: TlsClientFiles | undefined): Promise<string | undefined>[] {
  return (['cert', 'key', 'ca'] as const).flatMap(file => {
    const path = files?.[file]
    return path === undefined ? [] : [unreadable(`${name}.${file}`, path)]
  })
}

const LISTEN_ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'ports below 1024 need a privilege, so choose a higher one',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'no such name is known',
}

async function unreadable(name: string, path: string): Promise<string | undefined> {
  const fault = await faultOf(access(path, constants.R_OK))
  if (fault !== undefined)
    return `${name}: ${path} cannot be read (${fault}): mend the path or its permissions`
  return (await stat(path)).isDirectory() ? `${name}: ${path} is a folder: name the files in it` : undefined
}

async function unwritable(name: string, folder: string): Promise<string | undefined> {
  const isFile = (await stat(folder).catch(() => undefined))?.isDirectory() === false
  if (isFile) return `${name}: ${folder} is no folder: mend the path`
  const fault = await faultOf(access(folder, constants.W_OK | constants.X_OK))
  return (
    fault &&
    `${name}: the folder ${folder} cannot be written to (${fault}): create it or mend its permissions`
  )
}

async function unwritableFile(name: string, path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return unwritable(name, dirname(path))
  if (found.isDirectory()) return `${name}: ${path} is a folder: name a file in it`
  const fault = await faultOf(access(path, constants.W_OK))
  return fault && `${name}: ${path} cannot be written to (${fault}): mend its permissions`
}

/** As unwritableFile, but missing folders are made. */
async function unmakeable(name: string, path: string): Promise<string | undefined> {
  let folder = dirname(path)
  while (folder !== dirname(folder) && (await faultOf(access(folder))) === 'ENOENT') folder = dirname(folder)
  return folder === dirname(path) ? unwritableFile(name, path) : unwritable(name, folder)
}

async function faultOf(attempt: Promise<unknown>): Promise<string | undefined> {
  return attempt.then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  )
}

/** Listens for a moment. @returns why that is impossible */
function listeningFault(host: string, port: number): Promise<string | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
