import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Drain } from '../../drain/drain.js'
import { LineUnits } from '../../drain/line-units.js'
import { DEFAULT_MASKS, isMaskPreset, MASK_PRESETS, type MaskPreset } from '../../drain/mask-presets.js'
import { MaskScanner } from '../../drain/mask-scanner.js'
import { resolveDrainOptions } from '../../drain/options.js'

const EXAMPLES: Readonly<Record<MaskPreset, readonly [string, string][]>> = {
  uuid: [['id 123e4567-e89b-12d3-a456-426614174000.', 'id <*>.']],
  mac: [['from FF:F2:9F:16:BF:6C up', 'from <*> up']],
  ipv6: [
    ['at fe80::1ff:fe23:4567:890a%eth2 now', 'at <*> now'],
    ['at ::1 and 2001:db8:0:0:0:0:2:1 but a::b:c', 'at <*> and <*> but <*>'],
    ['std::string x', 'std::string x'],
  ],
  ip: [
    ['to /10.250.18.114:50010, 10.0.0.1 and 10.0.0.0/8', 'to <*>, <*> and <*>'],
    ['version v1.2.3.4 of 300.1.1.1', 'version v1.2.3.4 of 300.1.1.1'],
  ],
  url: [['get https://a.example/x?y=1#z (hdfs://n1:9000/tmp)', 'get <*> (<*>)']],
  email: [['mail joe.doe+x@mail.example.com, thanks', 'mail <*>, thanks']],
  timestamp: [
    ['at 2015-10-18T18:01:47.978Z and 2015-10-18 18:01:47,978 ok', 'at <*> and <*> ok'],
    ['at Sun Jun 25 09:20:24 2005 and Jul  2 04:04:02', 'at <*> and <*>'],
    ['at 04/Dec/2005:04:47:44 +0000', 'at <*>'],
  ],
  date: [['on 2015-10-18 and 06/25/2005', 'on <*> and <*>']],
  time: [['at 04:47:44.123 not 1:2', 'at <*> not 1:2']],
  duration: [['took 15ms, 1.5s and 3min', 'took <*>, <*> and <*>']],
  size: [['size 5.2 KB of 64MB in 4G', 'size <*> of <*> in <*>']],
  path: [['file /mnt/hadoop/dfs/data a/b /x', 'file <*> a/b /x']],
  'windows-path': [['open C:\\Windows\\x.dll now', 'open <*> now']],
  'hdfs-block': [['block blk_-1608999687919862906 blk_3', 'block <*> <*>']],
  'bgl-core': [['generating core.9369', 'generating <*>']],
  hex: [['addr 0x1fF and 0xzz', 'addr <*> and 0xzz']],
  'hex-id': [['trace 4bf92f3577b34da6a3ce929d0e0e4736 cafe', 'trace <*> cafe']],
  number: [['-5 of +7.25 in v2 x_9 (3) #4', '<*> of <*> in v2 x_<*> (<*>) #<*>']],
}

function mask(preset: MaskPreset, line: string): string {
  const drain = new Drain({ masks: [preset], splitKeyValue: false, collapseLists: false })
  return drain.learn(line).cluster.template
}

t.test('every preset replaces what it is for and leaves the rest', async t => {
  for (const [preset, examples] of Object.entries(EXAMPLES)) {
    t.ok(isMaskPreset(preset))
    for (const [line, masked] of examples) t.equal(mask(preset as MaskPreset, line), masked, preset)
  }
  t.same(Object.keys(EXAMPLES).sort(), Object.keys(MASK_PRESETS).sort(), 'each preset has an example')
})

t.test('the rule listed first wins where two begin together, the leftmost otherwise', async t => {
  const drain = new Drain({
    masks: [
      { name: 'pair', pattern: '\\d+/\\d+', replaceWith: '<PAIR>' },
      { name: 'one', pattern: '\\d+', replaceWith: '<ONE>' },
      { name: 'tail', pattern: '/\\d+x', replaceWith: '<TAIL>' },
    ],
  })
  t.equal(drain.learn('a 1/2x b 3 c').cluster.template, 'a <PAIR>x b <ONE> c')
})

t.test('patterns that backtracking engines choke on take a bounded number of steps', async t => {
  const rules = [
    { name: 'nested', pattern: '(?:a+)+b' },
    { name: 'lookahead', pattern: 'c|c.*d' },
    { name: 'greedy', pattern: 'e.*f|e' },
  ]
  const scanner = new MaskScanner(resolveDrainOptions({ masks: rules }).masks)
  for (const text of ['a'.repeat(8_000), 'c'.repeat(8_000), 'e'.repeat(8_000), 'ace'.repeat(2_600)]) {
    const line = new LineUnits(8_192)
    line.load(text, 0)
    scanner.scan(line.units, 0, text.length)
    t.ok(scanner.steps <= 40 * text.length + 20_000, `${scanner.steps} steps for ${text.length} units`)
  }
})

t.test('masks never throw, keep their order and do not overlap, on any text', async t => {
  const scanner = new MaskScanner(
    resolveDrainOptions({ masks: Object.keys(MASK_PRESETS) as MaskPreset[] }).masks,
  )
  const line = new LineUnits(8_192)
  const unit = fc.oneof(
    fc.constantFrom(...'0123456789abcdefx:./-_ @=%TZ\\'),
    fc.string({ unit: 'binary', maxLength: 1 }),
  )
  const property = fc.property(fc.string({ unit, maxLength: 80 }), text => {
    line.load(text, 0)
    scanner.scan(line.units, line.start, line.end)
    let end = 0
    for (let i = 0; i < scanner.count; i++) {
      assert.ok(scanner.starts[i]! >= end && scanner.ends[i]! > scanner.starts[i]!)
      end = scanner.ends[i]!
    }
    assert.ok(end <= text.length)
  })
  fc.assert(property, { seed: 42, numRuns: 2_000 })
  t.pass('for all texts')
})

t.test('each match found is one that a native RegExp finds too', async t => {
  for (const preset of DEFAULT_MASKS) {
    const scanner = new MaskScanner([{ name: preset, pattern: MASK_PRESETS[preset] }])
    const native = new RegExp(MASK_PRESETS[preset], 'g')
    const line = new LineUnits(8_192)
    const text = fc.string({ unit: fc.constantFrom(...'0123456789abcdef:./-_ @blk'), maxLength: 60 })
    const property = fc.property(text, text => {
      line.load(text, 0)
      scanner.scan(line.units, line.start, line.end)
      const found = Array.from({ length: scanner.count }, (_, i) => [scanner.starts[i], scanner.ends[i]])
      assert.deepEqual(
        found,
        [...text.matchAll(native)].map(match => [match.index, match.index + match[0].length]),
        preset,
      )
    })
    fc.assert(property, { seed: 42, numRuns: 400 })
    t.pass('for all texts')
  }
})
