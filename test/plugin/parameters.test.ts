import t from 'tap'
import { explainHabit } from '../../plugin/habits/explain-habit.js'
import { Random } from '../../scorer/random.js'
import { Looker, learn } from '../fixtures/plugin/habits.js'

const NUM_SESSIONS = 400
const START_MS = Date.UTC(2024, 4, 1)

/** One line of each session, ten seconds apart. */
function log(message: (session: number) => string): string[] {
  return Array.from({ length: NUM_SESSIONS }, (_, i) => line(i, message(i)))
}

function line(session: number, message: string): string {
  return `${new Date(START_MS + 10_000 * session).toISOString()} INFO ${message} req=s${session}`
}

const later = (message: string) => line(NUM_SESSIONS + 1, message)
const NONE = Math.log(2 * (NUM_SESSIONS + 1))

t.test(
  'a value never seen where there was always one is as surprising as training can vouch for',
  async t => {
    const looker = new Looker(await learn(log(() => 'reply sent, status=200 to the client')))
    t.equal(looker.content(later('reply sent, status=200 to the client')), 0)
    const { content } = looker.look(later('reply sent, status=503 to the client'))
    t.match(content, { value: '503', usual: '200', seen: 0, of: NUM_SESSIONS })
    t.ok(Math.abs(content!.surprise - NONE) < 1e-9)
    t.match(
      explainHabit(content!, 'reply sent, status=<*> to the client', undefined),
      /came with 503, a value as rare as in none of 400 normal sessions with such a line \(usually 200\)/,
    )
  },
)

t.test('so is another word where the template had a fixed one', async t => {
  const looker = new Looker(await learn(log(() => 'job for queue mail done by worker on node east')))
  t.equal(looker.content(later('job for queue mail done by worker on node east')), 0)
  t.match(looker.look(later('job for queue mail done by worker on node west')).content, {
    kind: 'constant',
    value: 'west',
    usual: 'east',
    of: NUM_SESSIONS,
  })
  t.equal(
    looker.content(later('job for queue mail done by worker on node east')),
    0,
    'the old word still fits',
  )
})

t.test('one of many usual values is no surprise, a rare one is', async t => {
  const users = (i: number) => (i === 7 || i === 8 ? 'admin=root9' : `admin=user${i % 40}`)
  const looker = new Looker(await learn(log(i => `login accepted, ${users(i)} from console`)))
  t.ok(looker.content(later('login accepted, admin=user3 from console')) < 0.1)
  t.ok(looker.content(later('login accepted, admin=root9 from console')) > 4.5)
})

t.test('identifiers say nothing, seen or not', async t => {
  const random = new Random(5)
  const id = () => `id-${random.integer(1e9).toString(36)}x${random.integer(1e9).toString(36)}9`
  const looker = new Looker(await learn(log(() => `stored object=${id()} in the bucket`)))
  t.equal(looker.content(later(`stored object=${id()} in the bucket`)), 0)
})

t.test('numbers far beyond what came surprise, the more the farther; a low one as well', async t => {
  const random = new Random(3)
  const looker = new Looker(
    await learn(log(() => `query took ms=${Math.round(200 * Math.exp(0.5 * random.normal()))} in all`)),
  )
  const surprise = (ms: number) => looker.content(later(`query took ms=${ms} in all`))
  t.ok(surprise(200) < 1)
  t.ok(surprise(5_000) > NONE)
  t.ok(surprise(500_000) > surprise(5_000))
  t.ok(surprise(500_000) < surprise(5_000) + 3, 'without end, but slowly')
  t.ok(surprise(1) > NONE)
  t.equal(looker.look(later('query took ms=1 in all')).content!.kind, 'low')
})

t.test('a number that has grown all along may go on to grow', async t => {
  const looker = new Looker(
    await learn(log(i => `order number=${5_000 * 1.02 ** i} booked`.replace(/\.\d+/, ''))),
  )
  t.ok(looker.content(later(`order number=${Math.round(5_000 * 1.02 ** 420)} booked`)) < 2)
  t.ok(looker.content(later('order number=1 booked')) > 5, 'but not to fall')
})

t.test('a session of training is judged as if it had not been learnt from', async t => {
  const lines = log(
    i => `reply sent, status=${i === 9 ? 503 : 200} after ms=${i === 11 ? 90_000 : 20 + (i % 50)}`,
  )
  const { sequences } = await learn(lines)
  for (const i of [9, 11]) {
    const without = new Looker(await learn(lines.filter((_, at) => at !== i)))
    t.ok(without.content(lines[i]!) > 5)
    t.ok(
      Math.abs(sequences[i]!.statistics!.parameter! - without.content(lines[i]!)) < 0.05,
      `session ${i}: ${sequences[i]!.statistics!.parameter} instead of ${without.content(lines[i]!)}`,
    )
  }
})

t.test('the level of a line adds to the surprise of a key that hardly another session holds', async t => {
  const lines = log(i => (i === 20 ? 'disk is gone for good' : 'all is well here'))
  lines[20] = lines[20]!.replace(' INFO ', ' FATAL ')
  const { sequences, habits } = await learn(lines)
  t.same(habits.levels?.values, [['INFO', NUM_SESSIONS - 1]])
  t.ok(sequences[20]!.statistics!['unseen-key']! > 5)
  t.equal(sequences[21]!.statistics!['unseen-key'], 0)
})

t.test('what another line widened in between changes nothing about the lines that training knew', async t => {
  const lines = log(i => `values: $1 = '${i}', $2 = '${i % 3}' of the order`)
  const odd = later('values: $1 = none, x = y of the order')
  const next = later("values: $1 = '17', $2 = '1' of the order")
  const undisturbed = new Looker(await learn(lines))
  const disturbed = new Looker(await learn(lines))
  const [template] = disturbed.log.drain.clusters().map(cluster => cluster.template)
  disturbed.look(odd)
  t.not(disturbed.log.drain.clusters()[0]!.template, template, 'the odd line widened it')
  t.strictSame(disturbed.look(next).content, undisturbed.look(next).content)
})
