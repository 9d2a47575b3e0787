import { execFileSync } from 'node:child_process'
import { arch, availableParallelism, cpus, loadavg, platform, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

type Row = Readonly<Record<string, unknown>>

/** Where and on what figures were measured. */
export interface MachineFacts {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly platform: string
  readonly node: string
  readonly commit: string
  /** Load of the last minute when the benchmark began: what else was going on. */
  readonly load: number
}

export function machineFacts(): MachineFacts {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()} ${arch()}`,
    node: process.version,
    commit: commit(),
    load: Number(loadavg()[0]!.toFixed(2)),
  }
}

/** Figures for people: values by name, lists of rows as tables. */
export function describe(title: string, result: Row, machine: MachineFacts): string {
  const entries = Object.entries(result)
  const isTable = ([, value]: (typeof entries)[number]): boolean => isRows(value)
  const plain = [...Object.entries(machine), ...entries.filter(entry => !isTable(entry))]
  const width = Math.max(...plain.map(([name]) => name.length))
  const lines = plain.map(([name, value]) => `${name.padEnd(width)}  ${text(value)}`)
  const tables = entries.filter(isTable).flatMap(([name, rows]) => ['', name, ...table(rows as Row[])])
  return `${[title, '', ...lines, ...tables].join('\n')}\n`
}

function isRows(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && typeof value[0] === 'object'
}

function table(rows: readonly Row[]): string[] {
  const names = [...new Set(rows.flatMap(row => Object.keys(row)))]
  const cells = [names, ...rows.map(row => names.map(name => text(row[name])))]
  const widths = names.map((_, column) => Math.max(...cells.map(line => line[column]!.length)))
  const isNumeric = names.map(name => rows.every(row => typeof row[name] !== 'string'))
  return cells.map(line =>
    line
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  )
}

function text(value: unknown): string {
  if (value === undefined) return ''
  if (typeof value === 'number')
    return Number.isInteger(value) ? value.toLocaleString('en-US') : String(value)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function commit(): string {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const isChanged = git('status', '--porcelain', '--untracked-files=no') !== ''
    return `${git('rev-parse', '--short', 'HEAD')}${isChanged ? ' with changes' : ''}`
  } catch {
    return 'unknown'
  }
}
