import { InputError, readLines } from '../input/lines.js'

/** One row of a sequence file: `id,label,key key key`. */
export interface SequenceRow {
  readonly id: string
  readonly isAbnormal: boolean
  readonly keys: readonly string[]
}

/** Reads rows `id,label,key key key`, without header, plain or gzip; empty lines are skipped. @throws InputError naming the line that is wrong */
export async function readSequences(paths: readonly string[]): Promise<SequenceRow[]> {
  const rows: SequenceRow[] = []
  for (const path of paths) {
    let number = 0
    for await (const line of readLines([path])) {
      number++
      if (line.trim() !== '') rows.push(parseRow(line, path, number))
    }
  }
  return rows
}

function parseRow(line: string, path: string, number: number): SequenceRow {
  const first = line.indexOf(',')
  const second = line.indexOf(',', first + 1)
  const label = line.slice(first + 1, second).trim()
  if (first < 0 || second < 0 || (label !== '0' && label !== '1')) {
    throw new InputError(
      `${path}:${number} is not a row id,label,keys with label 0 or 1: ${JSON.stringify(line.slice(0, 80))}`,
    )
  }
  const keys = line
    .slice(second + 1)
    .split(' ')
    .filter(key => key !== '')
  return { id: line.slice(0, first), isAbnormal: label === '1', keys }
}
