import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LineInput } from '../../plugin/engine-parts.js'
import { createStage, type Stage } from '../../plugin/stage.js'
import type { StageOptions } from '../../plugin/stage-options.js'
import { sessionLines } from '../fixtures/plugin/open-small.js'
import { isSummary, sameTold, type Told, told } from '../fixtures/plugin/same-verdicts.js'
import { SMALL_RULES, smallModel } from '../fixtures/plugin/small-model.js'
import { faultyLines } from '../fixtures/plugin/store-suite.js'

/** As strict as a model of 250 sessions can be. */
const DETECT = { falseAlarmRate: 0.02 }
const START_MS = Date.UTC(2024, 7, 1)
const lines: LineInput[] = faultyLines().map((line, i) => ({ line, timeMs: START_MS + 1000 * i }))

/** How many lines a stage judges before it is stopped. */
const NUM_LINES = 300

async function snapshotPath(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'logneo-snapshot-'))
  t.teardown(() => rm(folder, { recursive: true }))
  return join(folder, 'state', 'sessions.snapshot')
}

async function open(t: Test, options: Omit<StageOptions, 'model'>) {
  const messages: string[] = []
  const warn = (message: string): void => void messages.push(message)
  const stage = await createStage({ model: await smallModel(), detect: DETECT, warn, ...options })
  t.teardown(() => stage.close())
  return { stage, messages }
}

async function judge({ store }: Stage, some: readonly LineInput[]): Promise<Told[]> {
  const { verdicts, summaries } = await store.judge(some)
  return told(verdicts, summaries)
}

const tick = ({ store }: Stage, wallMs: number): Promise<void> => store.tick(wallMs, async () => {})
const closings = (all: readonly Told[]): string[] =>
  all.filter(isSummary).map(({ session, closed, events }) => `${session} ${closed} ${events}`)

const WINDOWS = {
  ...SMALL_RULES,
  session: { kind: 'window', seconds: 120, stepSeconds: 60, by: { kind: 'regex', pattern: 'req=(\\w)' } },
} as const

for (const [name, rules] of [
  ['sessions', SMALL_RULES],
  ['windows', WINDOWS],
] as const) {
  t.test(`a stage that is stopped and started again goes on with its ${name}`, async t => {
    const { stage: whole } = await open(t, { rules })
    const wanted = [...(await judge(whole, lines)), ...(await whole.finish('complete'))]
    const snapshot = { path: await snapshotPath(t) }
    const all: Told[] = []
    for (let from = 0; from < lines.length; from += NUM_LINES) {
      const { stage, messages } = await open(t, { rules, snapshot })
      all.push(...(await judge(stage, lines.slice(from, from + NUM_LINES))))
      all.push(...(await stage.finish(from + NUM_LINES < lines.length ? 'open' : 'complete')))
      t.same(messages, [])
    }
    sameTold(t, all, wanted, 'verdicts and summaries')
  })
}

t.test('after a crash sessions go on from the last snapshot', async t => {
  const snapshot = { path: await snapshotPath(t), everyMs: 1000 }
  let wall = START_MS
  const now = (): number => wall
  const { stage } = await open(t, { snapshot, now })
  await judge(stage, sessionLines('x', START_MS, ['open', 'read']))
  await tick(stage, wall)
  await t.rejects(readFile(snapshot.path), { code: 'ENOENT' }, 'not due yet')
  wall += 1000
  await tick(stage, wall)
  await judge(stage, sessionLines('x', START_MS, ['read']))
  await judge(stage, sessionLines('y', START_MS, ['read']))
  const { stage: next } = await open(t, { snapshot, now })
  t.equal(next.store.size, 1)
  await judge(next, sessionLines('x', START_MS, ['close']))
  t.same(closings(await next.finish('complete')), [])
})

t.test('a snapshot that is damaged, or of another model, is left with a message', async t => {
  const snapshot = { path: await snapshotPath(t) }
  const { stage } = await open(t, { snapshot })
  await judge(stage, sessionLines('x', START_MS, ['open', 'read']))
  await stage.finish('open')
  const bytes = await readFile(snapshot.path)
  const damages = [0, 0.3, 0.7].flatMap(share => {
    const at = Math.floor(share * bytes.length)
    const flipped = Buffer.from(bytes)
    flipped[at]! ^= 0x10
    return [flipped, bytes.subarray(0, at)]
  })
  for (const [i, damaged] of damages.entries()) {
    await writeFile(snapshot.path, damaged)
    const { stage: next, messages } = await open(t, { snapshot })
    t.equal(next.store.size, 0, `damage ${i}`)
    t.match(messages[0], /not taken up: it is damaged/, `damage ${i}`)
    await next.close()
  }
  await writeFile(snapshot.path, bytes)
  t.equal((await open(t, { snapshot })).stage.store.size, 1)
})

t.test('what cannot be written is said once, and sessions end as open when the stage stops', async t => {
  const path = await snapshotPath(t)
  await writeFile(join(path, '..', '..', 'state'), 'a file where the folder should be')
  let wall = START_MS
  const { stage, messages } = await open(t, { snapshot: { path, everyMs: 1 }, now: () => wall })
  await judge(stage, sessionLines('x', START_MS, ['open']))
  for (let i = 0; i < 3; i++) await tick(stage, (wall += 10))
  t.match(
    messages.filter(message => message.includes('cannot be written')),
    { length: 1 },
  )
  t.same(closings(await stage.finish('open')), ['x open 1'])
})
