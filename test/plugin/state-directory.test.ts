import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { FLAGGED_FILE, JOURNAL_FILE, StateDirectory } from '../../plugin/adopt/state-directory.js'
import { adoptedCommand, feedbackCommand } from '../../plugin/cli/adopted.js'

const ODDITY = { kind: 'next', key: 'b', other: 'a' } as const
const ADOPTION = {
  time: '2024-05-01T00:00:00.000Z',
  by: 'recurrence',
  session: 's1',
  oddities: [ODDITY],
  description: ['`b` follows `a`'],
} as const
const NAME = 'next b a 0'

/** With the fields that are lists as the types want them. */
const adoption = { ...ADOPTION, oddities: [ODDITY], description: [...ADOPTION.description] }

t.test('what was adopted survives a restart, and so does taking it back', async t => {
  const path = join(t.testdir(), 'state')
  const changes: string[] = []
  const first = StateDirectory.open(path, { onChange: (event, { id }) => changes.push(`${event} ${id}`) })
  const { id } = first.adopt(adoption)!
  t.ok(first.adoptions.has(NAME))
  t.equal(first.adopt(adoption), undefined, 'once is enough')
  const second = StateDirectory.open(path)
  t.same(second.adoptions.all(), [{ id, ...adoption }])
  t.equal(second.revoke('nothing'), undefined)
  second.revoke(id)
  t.ok(first.adoptions.has(NAME), 'the running one has not looked again yet')
  first.reload()
  t.notOk(first.adoptions.has(NAME))
  t.ok(first.adoptions.isRefused(NAME))
  t.ok(StateDirectory.open(path).adoptions.isRefused(NAME))
  t.same(changes, [`adopted ${id}`])
})

t.test('a line cut off while it was written costs nothing else', async t => {
  const path = join(t.testdir(), 'state')
  const state = StateDirectory.open(path)
  state.adopt(adoption)
  await appendFile(join(path, JOURNAL_FILE), '{"event":"adopted","id":"half')
  const warnings: string[] = []
  const again = StateDirectory.open(path, { warn: message => warnings.push(message) })
  t.match(warnings, [/1 damaged lines/])
  t.equal(again.adoptions.size, 1)
  again.adopt({ ...adoption, oddities: [{ ...ODDITY, key: 'c' }] })
  t.equal(StateDirectory.open(path).adoptions.size, 2, 'the next line is whole')
})

t.test('a journal that has grown large is written anew with the same meaning', async t => {
  const path = t.testdir()
  const file = join(path, JOURNAL_FILE)
  const entry = JSON.stringify({ event: 'adopted', id: 'one', ...adoption, session: 'x'.repeat(10_000) })
  const revoked = JSON.stringify({ event: 'revoked', id: 'one', time: adoption.time })
  await writeFile(file, `${entry}\n${revoked}\n`.repeat(450))
  const { adoptions } = StateDirectory.open(path)
  t.ok((await readFile(file)).length < 20_000)
  t.strictSame([adoptions.size, adoptions.isRefused(NAME)], [0, true])
  const again = StateDirectory.open(path).adoptions
  t.strictSame([again.size, again.isRefused(NAME)], [0, true])
})

t.test('flagged sessions can be marked after a restart, also by the command', async t => {
  const path = join(t.testdir(), 'state')
  const state = StateDirectory.open(path)
  for (const session of ['s1', 's2'])
    state.flagged({ session, message: 'odd', oddities: [{ ...ODDITY, key: session }], description: ['odd'] })
  state.close()
  t.match(StateDirectory.open(path).mark('s1'), { by: 'feedback', session: 's1' })
  feedbackCommand(path, 's2')
  state.reload()
  t.ok(state.adoptions.has('next s1 a 0'))
  t.ok(state.adoptions.has('next s2 a 0'))
  t.throws(() => feedbackCommand(path, 's3'), /no session s3 was flagged lately/)
  await t.rejects(adoptedCommand(path, 'zzz'), /nothing of the id zzz/)
  await t.rejects(adoptedCommand(join(path, 'nowhere'), undefined), /no state directory/)
  await adoptedCommand(path, state.adoptions.all()[0]!.id)
  state.reload()
  t.equal(state.adoptions.size, 1)
})

t.test('only the sessions flagged last are remembered', async t => {
  const path = join(t.testdir(), 'state')
  const state = StateDirectory.open(path)
  for (let i = 0; i < 1500; i++)
    state.flagged({ session: `s${i}`, message: '', oddities: [{ ...ODDITY, key: `k${i}` }], description: [] })
  state.close()
  t.equal((await readFile(join(path, FLAGGED_FILE), 'utf8')).trimEnd().split('\n').length, 1000)
  t.equal(state.mark('s499'), undefined)
  t.ok(state.mark('s500'))
})

t.test('what cannot be written holds all the same, and says so', async t => {
  const folder = t.testdir()
  const path = join(folder, 'state')
  const warnings: string[] = []
  const state = StateDirectory.open(path, { warn: message => warnings.push(message) })
  await writeFile(path, 'a file where the folder should be')
  t.throws(() => state.adopt(adoption), /EEXIST|ENOTDIR/)
  t.ok(state.adoptions.has(NAME))
  state.flagged({ session: 's1', message: '', oddities: [], description: [] })
  state.close()
  t.match(warnings, [/cannot write .*flagged/])
})
