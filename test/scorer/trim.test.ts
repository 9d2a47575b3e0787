import t from 'tap'
import { Random } from '../../scorer/random.js'
import type { KeySequence } from '../../scorer/train/train.js'
import { findOutliers } from '../../scorer/train/trim.js'

const random = new Random(7)
const ended = (keys: readonly string[]): KeySequence => ({ keys, ended: true })

/** Sessions of one task with two optional steps. */
const ordinary = Array.from({ length: 500 }, () =>
  ended([
    'open',
    'read',
    ...(random.uniform() < 0.5 ? ['verify'] : []),
    ...(random.uniform() < 0.3 ? ['serve'] : []),
    'sync',
    'close',
    'delete',
  ]),
)

t.test(
  'sessions that stop in their tracks or go astray stand apart, however often the same one comes',
  async t => {
    const stopped = Array.from({ length: 10 }, () => ended(['open']))
    const astray = Array.from({ length: 4 }, () =>
      ended(['open', 'read', 'panic', 'dump', 'sync', 'close', 'delete']),
    )
    const found = findOutliers([...ordinary, ...stopped, ...astray])
    t.strictSame(
      [...found].sort((a, b) => a - b),
      Array.from({ length: 14 }, (_, i) => 500 + i),
    )
  },
)

t.test('ordinary variety stays', async t => {
  t.equal(findOutliers(ordinary).size, 0)
})

/** A log with options of many frequencies, down to one session in so many. */
function variedLog(count: number, seed: number, rarest: number): KeySequence[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => {
    const options = Array.from({ length: 16 }, (_, i) =>
      random.uniform() < rarest ** (-i / 15) ? [`option${i}`] : [],
    )
    return ended(['open', 'read', ...options.flat(), 'close'])
  })
}

const FAULTS: readonly (readonly string[])[] = [
  ['open'],
  ['open', 'read', 'option0', 'panic', 'close'],
  ['open', 'read', 'option0', 'retry', 'retry', 'close'],
]

t.test('planted faults are found, none to five in a hundred, and hardly anything else', async t => {
  for (const seed of [1, 2, 3]) {
    const normal = variedLog(2000, seed, 12)
    t.equal(findOutliers(normal).size, 0, 'none')
    t.equal(findOutliers(variedLog(2000, seed, 500)).size, 0, 'none where rare things are normal')
    for (const share of [0.01, 0.03, 0.05]) {
      const faults = Array.from({ length: 2000 * share }, (_, i) => ended(FAULTS[i % FAULTS.length]!))
      const found = [...findOutliers([...normal, ...faults])]
      t.equal(found.filter(i => i >= 2000).length, faults.length, `all at ${share}`)
      const numNormal = found.length - faults.length
      t.ok(numNormal <= 30, `${numNormal} normal ones at ${share}`)
    }
  }
})

t.test('anomalies that vouch for each other are found', async t => {
  const many = Array.from({ length: 30 }, () => ended(['open', 'read', 'option0', 'panic', 'dump', 'close']))
  const few = Array.from({ length: 18 }, () => ended(['open', 'read', 'option0', 'panic', 'close']))
  t.equal(findOutliers([...variedLog(2000, 4, 12), ...many, ...few]).size, 48)
})

t.test('windows of time are looked at too, though nothing in them ends', async t => {
  const windows = [...ordinary, ...Array.from({ length: 12 }, () => ended(['open', 'panic']))]
  t.equal(findOutliers(windows.map(({ keys }) => ({ keys, ended: false, isWhole: true }))).size, 12)
})

t.test('what more than a tenth of the sessions do is normal', async t => {
  const other = Array.from({ length: 60 }, () => ended(['login', 'query', 'logout']))
  t.equal(findOutliers([...ordinary, ...other]).size, 0)
})

t.test('many different tasks have no gap between the usual and the unusual', async t => {
  const tasks = Array.from({ length: 2000 }, () => {
    // Tasks thin out evenly, and each has steps of its own.
    const task = Math.floor(-8 * Math.log(1 - random.uniform()))
    return ended(['begin', ...Array.from({ length: 5 }, (_, step) => `${task}.${step}`), 'end'])
  })
  t.ok(findOutliers(tasks).size <= 0.005 * tasks.length)
})

t.test('sessions whose end was not seen, and small logs, are left alone', async t => {
  const open: KeySequence[] = Array.from({ length: 10 }, () => ({ keys: ['open'], ended: false }))
  t.equal(findOutliers([...ordinary, ...open]).size, 0)
  t.equal(findOutliers([...ordinary.slice(0, 100), ended(['panic'])]).size, 0)
})
