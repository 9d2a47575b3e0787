/** Lines of at most `columns` characters, where words allow it, each after `indent`. */
export function wrap(text: string, columns: number, indent: string): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line.length > indent.length && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = indent
    }
    line += line.length > indent.length ? ` ${word}` : word
  }
  return [...lines, line]
}

/** `1 in 1,300` for a p-value of 0.00077, rounded to two digits. */
export function chance(pValue: number): string {
  return `1 in ${Number((1 / pValue).toPrecision(2)).toLocaleString('en-US')}`
}
