import t from 'tap'
import { heads } from '../../plugin/join/heads.js'
import { TRACE_NAMES } from '../../plugin/join/traces.js'
import { createStage } from '../../plugin/stage.js'
import { readTrainingLog } from '../../plugin/training-log.js'
import type { Verdict } from '../../plugin/verdict.js'
import { grammarLog, logLine, SMALL_RULES, smallModel } from '../fixtures/plugin/small-model.js'

const TRACE = [
  'java.lang.IllegalStateException: no such account',
  '\tat a.b.C.d(C.java:1)',
  'Caused by: x.Y: z',
]

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

t.test('training learns an event once, however long its trace', async t => {
  const plain = grammarLog(3, 20).map(line => line.replace('connection accepted', 'failed connection'))
  const traced = plain.flatMap(line => (line.includes(' open ') ? [line, ...TRACE] : [line]))
  const read = (lines: readonly string[], join: boolean) =>
    readTrainingLog(() => each(lines), {
      rules: { ...SMALL_RULES, ...(join && { join: { traces: [...TRACE_NAMES] } }) },
      drain: {},
      isComplete: true,
      seed: 1,
    })
  const wanted = await read(plain, false)
  const joined = await read(traced, true)
  t.strictSame(joined.sequences, wanted.sequences)
  t.equal(joined.numLines, plain.length)
  t.strictSame(joined.rules.join, { traces: ['java', 'python', 'go'] }, 'the model remembers it')
  t.ok((await read(traced, false)).numWithoutSession > 0)
})

t.test('pieces of CRI lines are one line, of each output by itself', async t => {
  const cri = (flag: string, text: string, output = 'stdout') =>
    `2024-05-01T10:00:00.1Z ${output} ${flag} ${text}`
  const lines = [cri('P', 'a'), cri('F', 'x', 'stderr'), cri('P', 'a'), cri('F', 'a'), cri('F', 'b')]
  const found: string[] = []
  for await (const line of heads(each(lines), { traces: [] })) found.push(line)
  t.strictSame(found, [lines[0], lines[1], lines[4]])
})

t.test('scoring judges events as the model learnt them, and waits for nothing', async t => {
  const stage = await createStage({
    model: await smallModel(),
    rules: { join: { traces: ['java'] } },
    fields: 'minimal',
  })
  t.teardown(() => stage.close())
  const at = Date.UTC(2024, 4, 2)
  const lines = [
    logLine(at, 's', 'open', 300),
    logLine(at + 1, 's', 'failed', 300),
    ...TRACE,
    logLine(at + 2, 's', 'read', 300),
  ]
  const verdicts: Verdict[] = []
  for await (const { logneo } of stage.processAll(lines)) if (!('kind' in logneo)) verdicts.push(logneo)
  t.strictSame(
    verdicts.map(({ continuation }) => continuation === true),
    [false, false, true, true, true, false],
  )
  t.strictSame(verdicts[2]!.severity, verdicts[1]!.severity)
})
