import type { LinePart } from '../engine-parts.js'
import { DEFAULT_JOIN_OPTIONS } from './options.js'
import { rawPiece, withoutEnd } from './pieces.js'
import { type EventRules, EventTeller, ProgramLines } from './program-lines.js'

/** A line of the one program that wrote a log. */
export function linePart(line: string): LinePart {
  const piece = rawPiece(line)
  return {
    stream: piece?.output ?? '',
    content: piece?.content ?? withoutEnd(line),
    isBroken: piece?.isBroken ?? false,
    hasNewline: false,
  }
}

/** Of a log, the lines that events begin with: what a running stage judges. @throws PatternError */
export async function* heads(
  lines: AsyncIterable<string>,
  rules: Omit<EventRules, 'maxLines'>,
): AsyncGenerator<string> {
  const teller = new EventTeller({ ...rules, maxLines: DEFAULT_JOIN_OPTIONS.maxLines })
  const outputs = new Map<string, ProgramLines>()
  for await (const line of lines) {
    const part = linePart(line)
    const program = outputs.get(part.stream) ?? new ProgramLines(teller)
    outputs.set(part.stream, program)
    if (!program.next(part, 0)) yield line
  }
}
