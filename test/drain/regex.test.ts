import assert from 'node:assert/strict'
import fc from 'fast-check'
import { RE2JS } from 're2js'
import t from 'tap'
import { PatternError } from '../../drain/errors.js'
import { CaptureFinder } from '../../drain/regex/capture.js'
import { LazyDfa } from '../../drain/regex/lazy-dfa.js'
import { LinearRegex } from '../../drain/regex/linear-regex.js'
import { OnePassCaptures } from '../../drain/regex/one-pass.js'
import { buildAlphabet, compileProgram } from '../../drain/regex/program.js'
import { Scan, scanBackward, scanForward } from '../../drain/regex/scan.js'
import { scanUnitsBackward, scanUnitsForward, Scan as UnitScan } from '../../drain/regex/scan-units.js'
import { parsePattern } from '../../drain/regex/syntax.js'

const PATTERNS = [
  'blk_-?\\d+',
  'a(b*)c',
  '(a|ab)(c|bcd)',
  '\\bfoo\\b',
  'x*',
  '(?:ab?)+?b',
  '^abc$',
  '\\d{1,3}\\.\\d{1,3}',
  '[a-c]+(?=b)',
  '(?<![a-z])\\d+(?![a-z])',
  'a.*b|a',
  '(\\w+)=(\\w+)',
  '(a+)+$',
  'a{2,3}?',
  '(?:a|b)*abb',
  '$',
  '\\Bx',
  'a|b|',
  '(a*)(b?)a',
  'l[^a-f\\s]9?',
  '(?<=o)o|oo',
]
const texts = fc.string({ unit: fc.constantFrom(...'abcxfo1 .=-_\n9bl'), maxLength: 24 })

t.test('finds what a native RegExp finds, groups too', async t => {
  for (const pattern of PATTERNS) {
    const ours = LinearRegex.compile(pattern)
    const native = new RegExp(pattern)
    const property = fc.property(texts, text => {
      const found = ours.find(text)
      const expected = native.exec(text)
      const group =
        found && found.group1Start >= 0 ? text.slice(found.group1Start, found.group1End) : undefined
      const got = found && [found.start, found.end, group]
      assert.deepEqual(
        got,
        expected ? [expected.index, expected.index + expected[0].length, expected[1]] : undefined,
        pattern,
      )
      assert.equal(ours.test(text), expected !== null)
    })
    fc.assert(property, { seed: 42, numRuns: 300 })
    t.pass('for all texts')
  }
})

t.test('a group found in one walk is the one that all threads find', async t => {
  const patterns: [pattern: string, isOnePass: boolean][] = [
    ['b?\\d+ (\\w+)=', true],
    ['b*(a?)c|9(l)', true],
    ['x*(?:(a|bc)=)*9', true],
    ['(?:l(b)?)+', true],
    ['a*?(b*?)c', true],
    ['(o)*x', true],
    ['\\w+ ?= ?(\\w+)', true],
    ['a*(a)b', false],
    ['.*=(\\w+)', false],
    ['(\\w+)\\b', false],
  ]
  for (const [pattern, isOnePass] of patterns) {
    const { node } = parsePattern(pattern)
    const program = compileProgram([node], buildAlphabet([node], [pattern]), [pattern])
    const fast = OnePassCaptures.of(program)
    t.equal(fast !== undefined, isOnePass, pattern)
    if (fast === undefined) continue
    const plain = new CaptureFinder(program)
    const regex = new RegExp(pattern)
    const property = fc.property(texts, text => {
      const match = regex.exec(text)
      if (match === null) return
      const bounds = [match.index, match.index + match[0].length] as const
      plain.find(text, ...bounds)
      fast.find(text, ...bounds)
      assert.deepEqual([fast.groupStart, fast.groupEnd], [plain.groupStart, plain.groupEnd], pattern)
    })
    fc.assert(property, { seed: 42, numRuns: 500 })
  }
})

t.test('finds what RE2 finds', async t => {
  for (const pattern of PATTERNS.filter(pattern => !/\(\?<?[=!]/.test(pattern))) {
    const ours = LinearRegex.compile(pattern)
    const re2 = RE2JS.compile(pattern)
    const property = fc.property(texts, text => {
      const matcher = re2.matcher(text)
      const expected = matcher.find() ? [matcher.start(), matcher.end()] : undefined
      const found = ours.find(text)
      assert.deepEqual(found && [found.start, found.end], expected, pattern)
    })
    fc.assert(property, { seed: 7, numRuns: 100 })
    t.pass('for all texts')
  }
})

t.test('extracts the first group, or the whole match', async t => {
  t.equal(LinearRegex.compile('blk_-?\\d+').extract('at blk_-12 and blk_3'), 'blk_-12')
  t.equal(LinearRegex.compile('session=(\\w+);').extract('a session=x1; b'), 'x1')
  t.equal(
    LinearRegex.compile('\\w+ ?= ?(\\w+)').extract('key = value'),
    'value',
    'where the group has no fixed place',
  )
  t.equal(LinearRegex.compile('a(b)?c').extract('ac'), 'ac', 'where the group took no part')
  t.equal(LinearRegex.compile('blk_').extract('none here'), undefined)
})

t.test('finds the next match from an offset, aware of what stands before it', async t => {
  const regex = LinearRegex.compile('\\b\\d+')
  t.match(regex.find('12 34', 2), { start: 3, end: 5 })
  t.equal(regex.find('1234', 2), undefined)
})

t.test('flags, properties and escapes', async t => {
  t.ok(LinearRegex.compile('(?i)error').test('an ErRoR'))
  t.ok(LinearRegex.compile('a(?i:b)c').test('aBc'))
  t.notOk(LinearRegex.compile('a(?i:b)c').test('aBC'))
  t.ok(LinearRegex.compile('(?s)a.b').test('a\nb'))
  t.match(LinearRegex.compile('(?m)^b$').find('a\nb\nc'), { start: 2, end: 3 })
  t.equal(LinearRegex.compile('\\p{Lu}\\p{L}+').extract('die Übergröße'), 'Übergröße')
  t.equal(LinearRegex.compile('[[:alpha:]]+\\x41\\u0042').extract('-xyAB'), 'xyAB')
  t.ok(LinearRegex.compile('\\ud800').test('lone \ud800 surrogate'))
})

t.test('refuses what cannot be searched in linear time, or is no pattern', async t => {
  const bad = [
    '(a)\\1',
    '(?=ab)',
    '(?<!a+)',
    'a**',
    '*a',
    '(a',
    'a)',
    '[a',
    '[z-a]',
    'a{3,2}',
    '\\q',
    'x{1001}',
    '\\p{No}',
  ]
  for (const pattern of [...bad, '\\', '(?<n', '[\u{1f600}]', '((a{1000}){1000})']) {
    try {
      LinearRegex.compile(pattern)
      if (pattern !== '\\p{No}') t.fail(`${pattern} compiled`)
    } catch (error) {
      t.ok(error instanceof PatternError, pattern)
      t.match(error, { code: 'ERR_DRAIN_PATTERN', retriable: false })
    }
  }
})

t.test('never throws anything but a PatternError, whatever the pattern', async t => {
  const pattern = fc.string({ unit: fc.constantFrom(...'ab(|)*+?[]{}1,2\\dw^$.:-=<!i'), maxLength: 20 })
  const property = fc.property(pattern, texts, (source, text) => {
    try {
      LinearRegex.compile(source).find(text)
    } catch (error) {
      if (!(error instanceof PatternError)) throw error
    }
  })
  fc.assert(property, { seed: 42, numRuns: 3_000 })
  t.pass('for all patterns')
})

t.test('a search reads each unit a bounded number of times', async t => {
  // Each of these makes a backtracking engine take exponential or quadratic time on its text.
  const cases: [string, string][] = [
    ['(a+)+$', `${'a'.repeat(50_000)}b`],
    ['(a|aa)+$', `${'a'.repeat(50_000)}b`],
    ['aa.*b', 'a'.repeat(50_000)],
    ['(.*)(.*)(.*)(.*)x$', 'y'.repeat(50_000)],
  ]
  for (const [pattern, text] of cases) {
    let reads = 0
    const counted = new Proxy(new String(text), {
      get(target, name) {
        if (name === 'charCodeAt') reads++
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    }) as unknown as string
    t.equal(LinearRegex.compile(pattern).test(counted), false)
    t.ok(reads <= 8 * text.length, `${pattern}: ${reads} reads`)
  }
})

t.test('an automaton that is full starts over and finds the same', async t => {
  const patterns = ['[ab]*a[ab]{6}c']
  const nodes = patterns.map(pattern => parsePattern(pattern).node)
  const alphabet = buildAlphabet(nodes, patterns)
  const tiny = new LazyDfa(compileProgram(nodes, alphabet, patterns), 'leftmost', 10)
  const scan = new Scan()
  const native = new RegExp(patterns[0]!)
  const property = fc.property(fc.string({ unit: fc.constantFrom(...'aaabbc'), maxLength: 60 }), text => {
    scanForward(tiny, alphabet.classOf, text, 0, text.length, scan)
    const expected = native.exec(text)
    assert.equal(scan.end, expected ? expected.index + expected[0].length : -1)
  })
  fc.assert(property, { seed: 42, numRuns: 300 })
  t.pass('for all texts')
  t.ok(tiny.numFlushes > 0)
})

t.test('scans of typed arrays equal scans of strings', async t => {
  const patterns = ['\\bab+c?\\b', '\\d+(?:\\.\\d+)*', '(?<![a-z])x(?=1)']
  const nodes = patterns.map(pattern => parsePattern(pattern).node)
  const alphabet = buildAlphabet(nodes, patterns)
  const forward = new LazyDfa(compileProgram(nodes, alphabet, patterns), 'leftmost')
  const backward = nodes.map(node => new LazyDfa(compileProgram([node], alphabet, patterns, true), 'longest'))
  const plain = new Scan()
  const fast = new UnitScan()
  const property = fc.property(texts, fc.nat(6), (text, before) => {
    const units = Uint16Array.from([...'a'.repeat(before)].concat(text.split('')), unit => unit.charCodeAt(0))
    fast.textStart = before
    fast.textEnd = before + text.length
    scanForward(forward, alphabet.classOf, text, 0, text.length, plain)
    scanUnitsForward(forward, alphabet.classOf, units, before, fast)
    assert.equal(fast.matchEnd, plain.end < 0 ? -1 : plain.end + before)
    assert.equal(fast.rule, plain.rule)
    if (plain.end < 0) return
    const dfa = backward[plain.rule]!
    const start = scanBackward(dfa, alphabet.classOf, text, 0, plain.end, text.length)
    if (plain.start >= 0) assert.equal(plain.start, start, 'a start known without reading backwards')
    assert.equal(fast.matchStart, plain.start < 0 ? -1 : plain.start + before)
    assert.equal(scanUnitsBackward(dfa, alphabet.classOf, units, before, fast.matchEnd, fast), start + before)
  })
  fc.assert(property, { seed: 42, numRuns: 1_000 })
  t.pass('for all texts')
})
