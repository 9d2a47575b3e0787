import t, { type Test } from 'tap'
import { StateDirectory } from '../../plugin/adopt/state-directory.js'
import { feedbackByHttp } from '../../plugin/cli/adopted.js'
import { feedbackHandler } from '../../plugin/feedback.js'
import { OpsServer } from '../../plugin/ops-server.js'

const TOKEN = 'a-token-of-some-length'

async function start(t: Test) {
  const state = StateDirectory.open()
  const oddities = [{ kind: 'next' as const, key: 'b', other: 'a' }]
  state.flagged({ session: 's1', message: 'odd', oddities, description: ['`b` follows `a`'] })
  const feedback = feedbackHandler({ token: TOKEN, mark: session => state.mark(session) })
  const server = new OpsServer({ port: 0, feedback })
  const { port } = await server.listen()
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${port}`
  const post = (body: string, headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }) =>
    fetch(`${url}/feedback`, { method: 'POST', body, headers })
  return { state, url, post }
}

t.test('who knows the token marks a flagged session as normal', async t => {
  const { state, post } = await start(t)
  const answer = await post('{"normal":"s1"}')
  t.equal(answer.status, 200)
  t.match(await answer.json(), { description: ['`b` follows `a`'] })
  t.ok(state.adoptions.has('next b a 0'))
  t.equal((await post('{"normal":"s1"}')).status, 200, 'twice is no mistake')
  t.equal(state.adoptions.size, 1)
})

t.test('others change nothing', async t => {
  const { state, url, post } = await start(t)
  for (const authorization of ['', TOKEN, 'Bearer ', `Bearer ${TOKEN}x`, `bearer ${TOKEN}`])
    t.equal((await post('{"normal":"s1"}', { authorization })).status, 401, authorization)
  t.equal((await post('{"normal":"s1"}', {})).status, 401)
  t.equal((await fetch(`${url}/feedback`)).status, 404, 'GET')
  t.equal(state.adoptions.size, 0)
})

t.test('bodies that make no sense are refused, and the next one is taken', async t => {
  const { post } = await start(t)
  for (const body of ['', '{', 'null', '[]', '{"normal":7}', '{"normal":"s1","more":1}', '{"normal":""}'])
    t.equal((await post(body)).status, 400, body)
  t.equal((await post('{"normal":"nobody"}')).status, 404)
  t.equal((await post(`{"normal":"${'x'.repeat(5000)}"}`)).status, 413)
  t.equal((await post('{"normal":"s1"}')).status, 200)
})

t.test('the command sends it', async t => {
  const { state, url } = await start(t)
  await t.rejects(feedbackByHttp(url, 's1', undefined), /LOGNEO_FEEDBACK_TOKEN/)
  await t.rejects(feedbackByHttp(url, 's1', 'wrong-token-of-length'), /refused \(401\)/)
  await t.rejects(feedbackByHttp(url, 's9', TOKEN), /no session s9/)
  await t.rejects(feedbackByHttp('http://127.0.0.1:1', 's1', TOKEN), /cannot reach/)
  await feedbackByHttp(url, 's1', TOKEN)
  t.equal(state.adoptions.size, 1)
})

t.test('without a handler nobody can post', async t => {
  const server = new OpsServer({ port: 0 })
  const { port } = await server.listen()
  t.teardown(() => server.close())
  t.equal((await fetch(`http://127.0.0.1:${port}/feedback`, { method: 'POST' })).status, 405)
})
