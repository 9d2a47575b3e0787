import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Drain, type DrainConfigError, type DrainOptions } from '../../drain/index.js'
import { logLines } from '../fixtures/drain/log-lines.js'

t.test('lines that differ in what varies share a key and a template', async t => {
  const drain = new Drain()
  const first = drain.learn('session opened for user ann by (uid=0)')
  t.equal(first.change, 'created')
  const second = drain.learn('session opened for user bob by (uid=501)')
  t.equal(second.change, 'widened')
  t.equal(second.key, first.key)
  t.equal(second.cluster.template, 'session opened for user <*> by (uid=<*>)')
  t.equal(drain.learn('session opened for user eve by (uid=7)').change, 'none')
  t.equal(second.cluster.numLines, 3)
  t.same(second.cluster.history, ['session opened for user ann by (uid=<*>)'])
})

t.test('short lines that say opposite things stay apart', async t => {
  const drain = new Drain()
  const lines = [
    'VM started',
    'VM paused',
    'cupsd startup succeeded',
    'cupsd shutdown succeeded',
    'up',
    'down',
  ]
  t.equal(new Set(lines.map(line => drain.learnKey(line))).size, lines.length)
  const loose = new Drain({ tokensPerWordChange: 1 })
  t.equal(loose.learnKey('VM started'), loose.learnKey('VM paused'), 'unless the rule is off')
})

t.test('lists of different lengths share a template', async t => {
  const drain = new Drain()
  const key = drain.learnKey('ask 10.0.0.1:50010 to delete blk_1 blk_2 blk_3')
  t.equal(drain.learnKey('ask 10.0.0.2:50010 to delete blk_4'), key)
  t.equal(drain.learnKey('failed to resolve an14 an15 an16'), drain.learnKey('failed to resolve bn1 bn2'))
  const strict = new Drain({ collapseLists: false })
  t.equal(drain.learn('a1 b2=5 c').cluster.template, 'a1 b2=<*> c', 'a key is in no list')
  t.not(strict.learnKey('delete blk_1 blk_2'), strict.learnKey('delete blk_1'))
})

t.test('the key of key=value is part of the template', async t => {
  const drain = new Drain()
  drain.learn('login user=root ok from tty1 now')
  t.equal(drain.learn('login user=guest ok from tty2 now').cluster.template, 'login user=<*> ok from <*> now')
  t.equal(
    drain.learnKey('user=ann up'),
    drain.learnKey('user=bob up'),
    'and its value may vary in short lines too',
  )
  t.equal(new Drain().learn('GET /a?x=1&y=b done').cluster.tokens.length, 3, 'but not in an address')
})

t.test('parameters are read when asked for', async t => {
  const drain = new Drain()
  drain.learn('user=ann sent 5 KB to 10.0.0.1:80, then left')
  const line = 'user=bob sent 17 KB to 10.0.0.2:81, then left'
  const { cluster } = drain.learn(line)
  t.equal(cluster.template, 'user=<*> sent <*> KB to <*>, then left')
  t.same(drain.parameters(line, cluster), [
    { value: 'bob', token: 1 },
    { value: '17', mask: 'number', token: 3 },
    { value: '10.0.0.2:81', mask: 'ip', token: 6 },
  ])
  const header = 'header 12: '
  t.same(drain.parameters(header + line, cluster, header.length), drain.parameters(line, cluster))
  t.same(drain.parameters('another shape', cluster), [])
  const list = drain.learn('delete blk_1 blk_2').cluster
  t.same(drain.parameters('delete blk_1 blk_2', list), [{ value: 'blk_1 blk_2', token: 1 }])
})

t.test('matching learns nothing', async t => {
  const drain = new Drain()
  const { key } = drain.learn('worker 1 took job alpha from queue main')
  const before = JSON.stringify(drain.toSnapshot())
  t.equal(drain.match('worker 2 took job alpha from queue main')?.key, key)
  t.equal(drain.matchKey('worker 2 took job beta from queue main'), key, 'would widen')
  t.equal(drain.match('something else entirely'), undefined)
  t.equal(drain.matchKey('something else entirely'), -1)
  t.equal(JSON.stringify(drain.toSnapshot()), before)
})

t.test('what was learnt matches from then on, and belongs where learning put it', async t => {
  const property = fc.property(logLines, lines => {
    const drain = new Drain()
    for (const line of lines) {
      const { key } = drain.learn(line)
      assert.equal(drain.matchKey(line), key, line)
    }
    for (const line of lines) assert.ok(drain.matchKey(line) >= 0, line)
  })
  fc.assert(property, { seed: 42, numRuns: 300 })
  t.pass('for all lines')
})

t.test('masks that are whole tokens take a short way to the same keys', async t => {
  const property = fc.property(logLines, lines => {
    const short = new Drain({ masks: ['ip', 'number'], collapseLists: false })
    const masks = short.options.masks.map(mask => ({ ...mask, replaceWith: '<M>' }))
    const long = new Drain({ masks, collapseLists: false })
    for (const line of lines.filter(line => !/<[*M]>/.test(line))) {
      const { key, cluster } = short.learn(line)
      const other = long.learn(line)
      assert.equal(other.key, key, line)
      assert.deepEqual(long.parameters(line, other.cluster), short.parameters(line, cluster))
    }
  })
  fc.assert(property, { seed: 42, numRuns: 300 })
  t.pass('for all lines')
})

t.test('two instances that learn the same lines agree on ids, whatever the keys', async t => {
  const lines = ['a b c d e 1', 'x y z', 'a b q d e 2']
  const one = new Drain()
  const two = new Drain()
  two.learn('an earlier line')
  t.same(
    lines.map(line => one.learn(line).cluster.id),
    lines.map(line => two.learn(line).cluster.id),
  )
  t.match(one.cluster(0)!.id, /^[0-9a-f]{16}$/)
})

t.test(
  'the least recently learnt cluster goes; looking refreshes nothing; keys are never used again',
  async t => {
    const drain = new Drain({ maxClusters: 3 })
    const lines = ['alpha', 'beta', 'gamma']
    const ids = lines.map(line => drain.learn(line).cluster.id)
    drain.learn('alpha')
    drain.match('beta')
    drain.cluster(1)
    t.equal(drain.learn('delta').key, 3)
    t.equal(drain.match('beta'), undefined, 'although it was looked at')
    const again = drain.learn('beta')
    t.equal(again.key, 4)
    t.equal(again.cluster.id, ids[1], 'the same template has the same id')
    t.equal(drain.size, 3)
  },
)

t.test('memory stays bounded over many templates', async t => {
  const drain = new Drain({ maxClusters: 50, maxChildren: 20 })
  const name = (i: number) => i.toString(26).replaceAll(/\d/g, digit => 'qrstuvwxyz'[Number(digit)]!)
  let last = -1
  for (let i = 0; i < 5_000; i++) {
    const key = drain.learnKey(`${name(i)} ${name(i * 7)} went ${name(i * 31)}`)
    assert.ok(key <= last + 1)
    last = Math.max(last, key)
  }
  t.ok(drain.size <= 50)
  t.ok(JSON.stringify(drain.toSnapshot()).length < 50 * 1_000 + 10_000)
})

t.test('removing, pinning and labelling', async t => {
  const drain = new Drain({ maxClusters: 4 })
  const { key, cluster } = drain.learn('job one of five is done')
  t.ok(drain.pin(key))
  t.ok(drain.label(key, 'job done'))
  t.equal(cluster.label, 'job done')
  t.not(drain.learnKey('job two of five is done'), key, 'pinned: not widened')
  for (const line of ['p', 'q', 'r', 's', 't', 'u']) drain.learn(line)
  t.equal(drain.matchKey('job one of five is done'), key, 'pinned: not forgotten')
  t.ok(drain.pin(key, false))
  t.ok(drain.remove(key))
  t.notOk(drain.remove(key))
  t.notOk(drain.pin(key))
  t.notOk(drain.label(key, 'x'))
  t.throws(() => drain.label(drain.learnKey('z'), 'x'.repeat(2_000)), RangeError)
  t.not(drain.learnKey('job one of five is done'), key)
  const pinned = ['p1 a', 'p2 b', 'p3 c'].map(line => drain.pin(drain.learnKey(line)))
  t.same(pinned, [true, true, false], 'at most half of them')
})

t.test('history keeps the first form and the latest', async t => {
  const drain = new Drain({ maxHistory: 2 })
  drain.learn('a b c d e f g h i j k l m n o')
  for (const line of ['X b c d e f g h i j k l m n o'])
    t.not(drain.learnKey(line), 0, 'the first token is in the tree')
  drain.learn('a B c d e f g h i j k l m n o')
  drain.learn('a b C d e f g h i j k l m n o')
  const { cluster } = drain.learn('a b c D e f g h i j k l m n o')
  t.same(cluster.history, ['a b c d e f g h i j k l m n o', 'a <*> <*> d e f g h i j k l m n o'])
})

t.test('beyond the limits of length and tokens a line is one parameter', async t => {
  const drain = new Drain({ maxLineLength: 20, maxTokens: 3 })
  t.equal(drain.learn('one two three four five').cluster.template, 'one two three <*>')
  t.same(drain.parameters('one two three 4 V', drain.cluster(0)!), [{ value: '4 V', token: 3 }])
  t.equal(drain.learn(`start ${'x'.repeat(100)}`).cluster.template, 'start <*>')
  t.equal(drain.matchKey(`start ${'y'.repeat(1_000_000)}`), 1)
})

t.test('hostile lines', async t => {
  const drain = new Drain()
  const lines = [
    'x'.repeat(10_000_000),
    'a '.repeat(100_000),
    '='.repeat(10_000),
    'k=v '.repeat(10_000),
    '\0\0 \0',
    'lone \ud800 and \udfff',
    '__proto__ constructor toString hasOwnProperty',
    '__proto__',
    '<*> <*> <*>',
    '',
    ' \t\r\n',
    '\uffff\ufffe',
    `${'9'.repeat(100_000)}`,
  ]
  for (const line of lines) {
    const { key, cluster } = drain.learn(line)
    t.equal(drain.matchKey(line), key, line.slice(0, 30))
    t.ok(drain.parameters(line, cluster).length <= 257)
  }
  t.equal(drain.learn('').key, drain.learn(' \t').key, 'blank lines are one')
  const { cluster } = drain.learn('__proto__ constructor toString hasOwnProperty')
  t.equal(cluster.template, '__proto__ constructor toString hasOwnProperty')
  t.equal(({} as Record<string, unknown>).toString, Object.prototype.toString)
})

t.test('a start beyond a long header, or beyond the line', async t => {
  const drain = new Drain()
  const header = 'h'.repeat(3_000)
  const line = `${header}user ann has 3 items in cart`
  const { key, cluster } = drain.learn('user ann has 3 items in cart')
  t.equal(drain.learnKey(line, header.length), key)
  t.same(drain.parameters(line, cluster, header.length), [{ value: '3', mask: 'number', token: 3 }])
  t.equal(drain.learnKey('short', 100), drain.learnKey(''))
})

t.test('bad options are all told at once', async t => {
  const options = {
    depth: 2,
    similarityThreshold: 0,
    maxChildren: 1.5,
    maxClusters: '5',
    collapseLists: 1,
    delimiters: 7,
    masks: [
      'nope',
      { name: 'a b', pattern: '(' },
      { name: 'empty', pattern: 'x*' },
      5,
      { name: 'r', pattern: 'x', replaceWith: 'a b' },
    ],
    colour: 'red',
  }
  try {
    new Drain(options as unknown as DrainOptions)
    t.fail('accepted')
  } catch (error) {
    const { code, problems, message } = error as DrainConfigError
    t.equal(code, 'ERR_DRAIN_CONFIG')
    t.equal(problems.length, 13)
    t.match(message, 'drain.depth must be an integer from 3 to 8, got 2; ')
    t.match(message, 'drain.colour is not an option')
    t.match(message, 'drain.masks[2].pattern must not match the empty text, got "x*"')
  }
  t.throws(() => new Drain({ masks: 'number' } as unknown as DrainOptions), { code: 'ERR_DRAIN_CONFIG' })
  t.throws(() => new Drain([] as unknown as DrainOptions), { code: 'ERR_DRAIN_CONFIG' })
})
