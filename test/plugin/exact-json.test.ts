import t from 'tap'
import { MAX_JSON_VALUES, parseExactJson } from '../../plugin/input/exact-json.js'

t.test('long integers keep their digits wherever they are, all else is as JSON has it', async t => {
  const exact: [string, unknown][] = [
    ['12345678901234567890', 12345678901234567890n],
    ['{"a":[-9007199254740993,9007199254740991]}', { a: [-9007199254740993n, 9007199254740991] }],
    [
      '{"a\\"b":"1234567890123456789","c\\\\":1234567890123456789}',
      { 'a"b': '1234567890123456789', 'c\\': 1234567890123456789n },
    ],
    [
      '[1234567890123456789.5,1234567890123456789e2]',
      [Number('1234567890123456789.5'), Number('1234567890123456789e2')],
    ],
    [`[1${'0'.repeat(39)},1${'0'.repeat(45)}]`, [10n ** 39n, 1e45]],
    [
      '["integer x 12345678901234567", 12345678901234567]',
      ['integer x 12345678901234567', 12345678901234567n],
    ],
  ]
  for (const [text, value] of exact) t.strictSame(parseExactJson(text), value, text)
})

t.test('what is no JSON is refused, also beside long integers', async t => {
  for (const text of [
    '01234567890123456789',
    '12345678901234567890x',
    '"12345678901234567890',
    '[1234567890123456789,]',
    '--12345678901234567',
    '{1234567890123456789:1}',
  ])
    t.throws(() => parseExactJson(text), SyntaxError, text)
})

t.test('takes time linear in the text, and no stack', async t => {
  const started = performance.now()
  const hostile = [
    `{"a":1234567890123456789,"${'\\"'.repeat(2_000_000)}`,
    `[1234567890123456789,"${'\\'.repeat(4_000_000)}`,
    `[${'1'.repeat(4_000_000)}`,
    `[${'-1234567890123456789'.repeat(200_000)}`,
    `[1234567890123456789,${'"'.repeat(2_000_000)}`,
  ]
  for (const text of hostile) t.throws(() => parseExactJson(text), SyntaxError)
  t.ok(performance.now() - started < 5000, `${performance.now() - started} ms`)
  const long = 'x\\n'.repeat(5_000_000)
  t.same(parseExactJson(`[1234567890123456789,"${long}"]`), [1234567890123456789n, 'x\n'.repeat(5_000_000)])
})

t.test('a text that would take many times its size as objects is refused', async t => {
  const bomb = (count: number): string => `[${'{},'.repeat(count - 1)}{}]`
  t.throws(() => parseExactJson(bomb(MAX_JSON_VALUES)), {
    name: 'SyntaxError',
    message: /more than 4000000 values/,
  })
  const commas = `["${','.repeat(2 * MAX_JSON_VALUES)}"]`
  t.same(parseExactJson(commas), [','.repeat(2 * MAX_JSON_VALUES)], 'commas in texts are not values')
})
