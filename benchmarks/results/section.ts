/** One section of the results: what people read, and the figures as data. */
export interface Section {
  /** Marks the section in the document, and its figures in the data file. */
  readonly name: string
  readonly title: string
  /** Markdown, without the title. */
  readonly text: string
  readonly figures: unknown
}

/** A Markdown table; the first column stands left, the others right. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  const rule = header.map((_, i) => (i === 0 ? '---' : '---:'))
  return [line(header), line(rule), ...rows.map(line)].join('\n')
}

export function percent(share: number, decimals = 2): string {
  return `${(100 * share).toFixed(decimals)} %`
}

/** Of several trainings: mean, standard deviation, and the least. */
export interface Spread {
  readonly mean: number
  readonly deviation: number
  readonly worst: number
}

/** @param values at least one */
export function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return {
    mean,
    deviation: Math.sqrt(squares / Math.max(1, values.length - 1)),
    worst: Math.min(...values),
  }
}
