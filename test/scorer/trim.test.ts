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

t.test('what more than a twentieth of the sessions do is normal', async t => {
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
