import t from 'tap'
import { LocalSubstitute } from '../../plugin/store/local-substitute.js'
import type { Deliver } from '../../plugin/store/session-store.js'
import { Tally } from '../fixtures/forward-peer.js'
import { openSmall, sessionLines } from '../fixtures/plugin/open-small.js'

const START_MS = Date.UTC(2024, 7, 1)
const LATER_MS = START_MS + 3_600_000

t.test('ticks while a delivery is under way do not repeat it; what failed is tried again', async t => {
  const { engine } = await openSmall({ now: () => START_MS })
  t.teardown(() => engine.close())
  const substitute = new LocalSubstitute(engine, 1000, new Tally())
  const judge = (id: string): Promise<void> =>
    substitute.judge([
      {
        lines: sessionLines(id, START_MS, ['open']),
        identity: undefined,
        resolve() {},
        reject: error => t.fail(String(error)),
      },
    ])
  const attempts: string[][] = []
  const endings: ((error?: Error) => void)[] = []
  const deliver: Deliver = summaries => {
    attempts.push(summaries.map(({ session }) => session))
    return new Promise((resolve, reject) =>
      endings.push(error => (error === undefined ? resolve() : reject(error))),
    )
  }
  const tick = (): Promise<void> => substitute.tick(LATER_MS, deliver)

  await judge('a')
  const first = tick()
  while (endings.length === 0) await new Promise(setImmediate)
  await tick()
  t.same(attempts, [['a']], 'under way')
  await judge('b')
  const second = tick()
  while (endings.length < 2) await new Promise(setImmediate)
  t.same(attempts, [['a'], ['b']], 'each by itself')
  endings[0]!(new Error('the receiver is away'))
  await t.rejects(first, /away/)
  endings[1]!()
  await second
  const third = tick()
  while (endings.length < 3) await new Promise(setImmediate)
  endings[2]!()
  await third
  t.same(attempts, [['a'], ['b'], ['a']])
  await tick()
  t.equal(attempts.length, 3)
})
