import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { ScoringError } from '../../scorer/errors.js'
import { presetConfig } from '../../scorer/model/config.js'
import { BEGIN } from '../../scorer/vocabulary.js'
import { SidecarClient } from '../../sidecar/client.js'
import { decodeFrame, encodeFrame, FrameReader } from '../../sidecar/frames.js'
import type { SidecarClientOptions, SidecarState } from '../../sidecar/options.js'
import { RemoteScorer } from '../../sidecar/remote-scorer.js'
import { freeAddress } from '../fixtures/sidecar.js'

type Message = Record<string, never> & { id: number; op: string; prefixes: number[][]; observed: number[] }

/** A sidecar that answers as it is told. */
class Puppet {
  readonly requests: Message[] = []
  bundle = 'mine'
  /** Makes replies of requests; undefined: none for now. */
  script: (request: Message) => object | undefined = () => undefined
  readonly sockets = new Set<Socket>()
  #server: Server | undefined
  #wake = (): void => {}

  constructor(
    readonly t: Test,
    readonly address: string,
  ) {
    t.teardown(() => this.stop())
  }

  async listen(): Promise<this> {
    this.#server = createServer(socket => this.#serve(socket))
    this.#server.listen(this.address.slice(5))
    await once(this.#server, 'listening')
    return this
  }

  /** As a kill would. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    if (this.#server?.listening !== true) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue())
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
  }

  send(message: object): void {
    for (const socket of this.sockets) socket.write(encodeFrame(message))
  }

  #serve(socket: Socket): void {
    const reader = new FrameReader(2 ** 24)
    this.sockets.add(socket)
    socket.on('close', () => this.sockets.delete(socket))
    socket.on('error', () => {})
    socket.on('data', data => {
      for (const frame of reader.push(data)) this.#answer(socket, decodeFrame(frame) as Message)
    })
  }

  #answer(socket: Socket, request: Message): void {
    this.requests.push(request)
    const { id, op } = request
    const hello = {
      protocol: 1,
      server: 'puppet',
      bundle: this.bundle,
      vocabularySize: 9,
      contextLength: 8,
      maxEvents: 100,
      maxFrameBytes: 1e6,
    }
    const reply = this.script(request) ?? (op === 'hello' ? hello : undefined)
    if (reply !== undefined) socket.write(encodeFrame({ id, ...reply }))
    this.#wake()
  }
}

/** Answers that tell which event they belong to. */
const scores = ({ prefixes, observed }: Pick<Message, 'prefixes' | 'observed'>) => ({
  surprise: prefixes.map(
    (prefix, i) => prefix.reduce((sum, token) => sum * 10 + token, 0) + observed[i]! / 8,
  ),
  rank: observed,
  rarity: observed.map(() => 0.5),
  expected: prefixes.map(() => [5, 6]),
  probability: prefixes.map(() => [0.5, 0.25]),
})

/** Fast enough for a test, slow enough to be no busy loop. */
const QUICK = { retryMinMs: 5, retryMaxMs: 20 }

async function start(t: Test, options: Partial<SidecarClientOptions> = {}) {
  const puppet = new Puppet(t, await freeAddress(t))
  const states: SidecarState[] = []
  let changed = (): void => {}
  const onState = (state: SidecarState): void => {
    states.push(state)
    changed()
  }
  const until = async (state: SidecarState): Promise<void> => {
    while (states.at(-1) !== state)
      await new Promise<void>(resolve => {
        changed = resolve
      })
  }
  const all = { address: puppet.address, ...QUICK, onState, ...options }
  return { puppet, states, until, options: all }
}

const ASKED = { prefixes: [[1]], observed: [4], top: 1 }
const isScore = ({ op }: Message): boolean => op === 'score'

t.test('replies find their requests in any order', async t => {
  const { puppet, until, options } = await start(t)
  await puppet.listen()
  const client = new SidecarClient(options, 'mine')
  t.teardown(() => client.close())
  await until('ready')
  const asked = [[1], [1, 2], [1, 2, 3]].map(prefix => client.score({ prefixes: [prefix], observed: [4] }))
  await puppet.until(() => puppet.requests.filter(isScore).length === 3)
  for (const request of puppet.requests.filter(isScore).reverse())
    puppet.send({ id: request.id, ...scores(request) })
  puppet.send({ id: 999, rank: [] })
  t.same(
    (await Promise.all(asked)).map(({ surprise }) => surprise[0]),
    [1.5, 12.5, 123.5],
  )
})

t.test('a sidecar that is away: requests fail at once; when it comes they are answered', async t => {
  const { puppet, until, states, options } = await start(t)
  const client = new SidecarClient(options, 'mine')
  t.teardown(() => client.close())
  await client.firstAttempt()
  await t.rejects(client.score(ASKED), {
    code: 'ERR_SIDECAR_UNAVAILABLE',
    message: /not ready: .*ENOENT/,
    retriable: true,
  })
  puppet.script = request => (isScore(request) ? scores(request) : undefined)
  await puppet.listen()
  await until('ready')
  t.match(await client.score(ASKED), { rank: [4] })
  await puppet.stop()
  await until('away')
  await puppet.listen()
  await until('ready')
  t.match(await client.score(ASKED), { rank: [4] })
  t.same(states, ['away', 'ready', 'away', 'ready'], 'each change is told once')
})

t.test(
  'a sidecar that hangs costs one wait: what is under way fails together, and it is greeted anew',
  async t => {
    const { puppet, until, states, options } = await start(t, { timeoutMs: 60 })
    await puppet.listen()
    const client = new SidecarClient(options, 'mine')
    t.teardown(() => client.close())
    await until('ready')
    const started = performance.now()
    const results = await Promise.allSettled([client.score(ASKED), client.score(ASKED)])
    t.ok(performance.now() - started < 1000)
    for (const result of results)
      t.match(result, { status: 'rejected', reason: { message: /no answer within 60 ms/ } })
    puppet.script = request => (isScore(request) ? scores(request) : undefined)
    await until('ready')
    t.match(await client.score(ASKED), { rank: [4] })
    t.same(states, ['ready', 'away', 'ready'])
  },
)

t.test('another model is a state of its own; it ends with a notice, or when asked again', async t => {
  const { puppet, until, states, options } = await start(t, { retryMaxMs: 10_000 })
  puppet.bundle = 'theirs'
  puppet.script = request => (isScore(request) ? scores(request) : undefined)
  await puppet.listen()
  const client = new SidecarClient(options, 'mine')
  t.teardown(() => client.close())
  await until('mismatch')
  await t.rejects(client.score(ASKED), { message: /model theirs, here it is mine: give both the same/ })
  puppet.bundle = 'mine'
  puppet.send({ op: 'bundle', bundle: 'mine' })
  await until('ready')
  puppet.send({ op: 'bundle', bundle: 'third' })
  await until('mismatch')
  t.same(states, ['mismatch', 'ready', 'mismatch'])
  const impatient = new SidecarClient({ ...options, retryMaxMs: 50 }, 'third')
  t.teardown(() => impatient.close())
  await until('mismatch')
  puppet.bundle = 'third'
  await until('ready')
})

t.test('another model that is followed by a third one is told again, each time', async t => {
  const told: (string | undefined)[] = []
  const heard: string[] = []
  const { puppet, options } = await start(t, {
    retryMaxMs: 10_000,
    onState: (_state, _detail, bundle) => told.push(bundle),
    onOtherBundle: bundle => heard.push(bundle),
  })
  puppet.bundle = 'second'
  await puppet.listen()
  const client = new SidecarClient(options, 'mine')
  t.teardown(() => client.close())
  await client.firstAttempt()
  for (const bundle of ['second', 'third', 'third']) puppet.send({ op: 'bundle', bundle })
  puppet.send({ op: 'bundle', bundle: 'last' })
  while (!heard.includes('last')) await new Promise(resolve => setTimeout(resolve, 2))
  t.strictSame(told, ['second', 'third', 'last'], 'changes are told once')
  t.strictSame(heard, ['second', 'second', 'third', 'third', 'last'], 'what is still so is said again')
})

t.test('another model is said again as often as it is asked for', async t => {
  const heard: string[] = []
  const { puppet, states, options } = await start(t, { onOtherBundle: bundle => heard.push(bundle) })
  puppet.bundle = 'theirs'
  await puppet.listen()
  const client = new SidecarClient(options, 'mine')
  t.teardown(() => client.close())
  while (heard.length < 4) await new Promise(resolve => setTimeout(resolve, 2))
  t.strictSame([...new Set(heard)], ['theirs'])
  t.strictSame(states, ['mismatch'])
})

t.test('a model that changes between two requests', async t => {
  const { puppet, until, options } = await start(t, { retryMaxMs: 10_000 })
  await puppet.listen()
  const client = new SidecarClient(options, 'mine')
  t.teardown(() => client.close())
  await until('ready')
  puppet.bundle = 'theirs'
  puppet.script = request =>
    isScore(request) ? { error: { code: 'wrong_bundle', message: 'x', retriable: true } } : undefined
  await t.rejects(client.score(ASKED), { code: 'ERR_SIDECAR_REFUSED', reason: 'wrong_bundle' })
  await until('mismatch')
})

t.test('a sidecar that does not let us in is told apart from one that is away, and asked again', async t => {
  const { puppet, until, states, options } = await start(t)
  puppet.script = ({ op }) =>
    op === 'hello' ? { error: { code: 'unauthorized', message: 'wrong token', retriable: false } } : undefined
  await puppet.listen()
  const client = new SidecarClient(options, 'mine')
  t.teardown(() => client.close())
  await until('refused')
  await puppet.until(() => puppet.requests.length >= 3)
  await t.rejects(client.score(ASKED), { message: /not ready: wrong token/ })
  await puppet.stop()
  await until('away')
  puppet.script = () => undefined
  await puppet.listen()
  await until('ready')
  t.same(states, ['refused', 'away', 'ready'])
})

t.test('a peer that is no sidecar does no harm', async t => {
  const { puppet, until, states, options } = await start(t, { timeoutMs: 200 })
  await puppet.listen()
  const client = new SidecarClient(options, 'mine')
  t.teardown(() => client.close())
  await until('ready')
  for (const bytes of [
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    Buffer.from([0, 0, 0, 1, 0xc1]),
    Buffer.from([0, 0, 0, 1, 1]),
  ]) {
    for (const socket of puppet.sockets) socket.write(bytes)
    await until('away')
    await until('ready')
  }
  puppet.script = request =>
    isScore(request) ? { surprise: [1], rank: ['x'], rarity: [1], expected: [], probability: [] } : undefined
  await t.rejects(client.score(ASKED), { code: 'ERR_SIDECAR_PROTOCOL' })
  t.equal(states.at(-1), 'ready')
})

t.test('no more requests than allowed are under way', async t => {
  const { puppet, until, options } = await start(t, { maxInFlight: 2 })
  await puppet.listen()
  const client = new SidecarClient(options, 'mine')
  await until('ready')
  const underWay = Promise.allSettled([client.score(ASKED), client.score(ASKED)])
  await t.rejects(client.score(ASKED), { code: 'ERR_SIDECAR_UNAVAILABLE', message: /2 requests/ })
  client.close()
  for (const result of await underWay) t.match(result, { status: 'rejected', reason: { message: /closed/ } })
})

t.test('wrong options are told all at once', async t => {
  t.throws(() => new SidecarClient({ address: 'x', timeoutMs: 0, retryMinMs: 9, retryMaxMs: 5 }, 'mine'), {
    code: 'ERR_SIDECAR_OPTIONS',
    message:
      /timeoutMs must be[\s\S]*address must be[\s\S]*retryMinMs \(9\) must not be above retryMaxMs \(5\)/,
  })
})

const config = { ...presetConfig('nano', 9), contextLength: 4 }

/** Enters a context and asks what follows it. */
const enter = (scorer: RemoteScorer, tokens: number[], observed: number) =>
  scorer.enter({ tokens, node: -1, stamp: 0 }, observed)

t.test('what was answered once is not asked again, and events of one request share it', async t => {
  const { puppet, options } = await start(t)
  puppet.script = request => (isScore(request) ? scores(request) : undefined)
  await puppet.listen()
  const scorer = await RemoteScorer.start({ id: 'mine', config }, options)
  t.teardown(() => scorer.close())
  const nodes = [enter(scorer, [BEGIN], 5), enter(scorer, [BEGIN, 5], 6), enter(scorer, [BEGIN], 5)]
  await scorer.compute()
  t.same(
    nodes.map(node => scorer.tree.surprise(node)),
    [1.625, 15.75, 1.625],
  )
  t.same(scorer.tree.likeliest(nodes[0]!, 4), [
    { token: 5, probability: 0.5 },
    { token: 6, probability: 0.25 },
  ])
  t.equal(enter(scorer, [BEGIN, 5], 6), nodes[1])
  await scorer.compute()
  t.strictSame(
    puppet.requests.filter(isScore).map(({ observed }) => observed),
    [[5, 6]],
  )
})

t.test(
  'a request that fails is a ScoringError, also for events behind it that share its nodes, and is asked again',
  async t => {
    const { puppet, options } = await start(t)
    await puppet.listen()
    const scorer = await RemoteScorer.start({ id: 'mine', config }, options)
    t.teardown(() => scorer.close())
    enter(scorer, [BEGIN], 5)
    const first = scorer.compute()
    const shared = enter(scorer, [BEGIN], 5)
    const second = scorer.compute()
    await puppet.until(() => puppet.requests.some(isScore))
    puppet.send({
      id: puppet.requests.find(isScore)!.id,
      error: { code: 'scoring_failed', message: 'out of memory', retriable: true },
    })
    await t.rejects(first, new ScoringError('out of memory'))
    await t.rejects(second, ScoringError)
    puppet.script = request => (isScore(request) ? scores(request) : undefined)
    t.equal(enter(scorer, [BEGIN], 5), shared)
    await scorer.compute()
    t.equal(scorer.tree.surprise(shared), 1.625)
  },
)

t.test('many events go in several requests', async t => {
  const { puppet, options } = await start(t)
  puppet.script = request => (isScore(request) ? scores(request) : undefined)
  await puppet.listen()
  const scorer = await RemoteScorer.start({ id: 'mine', config }, options)
  t.teardown(() => scorer.close())
  const events = Array.from({ length: 250 }, (_, i) => [
    BEGIN,
    i % 9,
    Math.floor(i / 9) % 9,
    Math.floor(i / 81),
  ])
  const nodes = events.map(tokens => enter(scorer, tokens, 3))
  await scorer.compute()
  t.same(
    puppet.requests.filter(isScore).map(({ observed }) => observed.length),
    [100, 100, 50],
  )
  t.same(
    nodes.map(node => scorer.tree.surprise(node)),
    scores({ prefixes: events, observed: events.map(() => 3) }).surprise,
  )
})
