import { Drain } from '../../drain/drain.js'
import { HeaderFormat } from '../../drain/header/header-format.js'
import { readLines } from '../input/lines.js'
import { parseMasks } from './masks.js'
import { emit } from './terminal.js'
import { chooseFormat } from './train.js'

export interface ParseCommandOptions {
  readonly input: readonly string[]
  readonly format?: string
  readonly mask?: readonly string[]
}

const WRITE_CHARS = 2 ** 16

/** `logneo parse`: Drain alone, one JSON object a line of input. */
export async function parseCommand({ input, format, mask }: ParseCommandOptions): Promise<void> {
  const header = HeaderFormat.parse(await chooseFormat(input, format))
  const masks = parseMasks(mask)
  const drain = new Drain(masks && { masks })
  let pending = ''
  for await (const line of readLines(input)) {
    const content = header.content(line)
    const { cluster } = drain.learn(content)
    const parameters = drain.parameters(content, cluster)
    pending += `${JSON.stringify({ template_id: cluster.id, template: cluster.template, parameters })}\n`
    if (pending.length < WRITE_CHARS) continue
    await emit(pending)
    pending = ''
  }
  await emit(pending)
}
