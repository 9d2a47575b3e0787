import { Drain } from '../../../drain/drain.js'
import { DrainConfigError, DrainSnapshotError, PatternError } from '../../../drain/errors.js'
import { detectFormat } from '../../../drain/header/detect.js'
import { HeaderFormat } from '../../../drain/header/header-format.js'
import { LAYOUT_NAMES } from '../../../drain/header/named-layouts.js'
import { LinearRegex } from '../../../drain/regex/linear-regex.js'
import { endOf, expect, type FuzzTarget } from '../target.js'
import { JSON_WORDS } from './http.js'

const LINES = [
  '081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-1608999687919862906 src: /10.250.19.102:54106',
  '2024-05-01T10:00:00.123Z web-1 sshd[123]: Failed password for root from 10.0.0.7 port 22 ssh2',
  '{"time":"2024-05-01T10:00:00Z","level":"error","msg":"request failed","status":500,"path":"/a/b"}',
  '2024-05-01 10:00:00,123 ERROR [main] org.apache.Foo: took=12ms size=0x1f user=ann list=[1, 2, 3]',
  'Jun 14 15:16:01 combo kernel: a b c d e f g h i j k l m n o p q r s t u v w x y z',
  '2024-05-01T10:00:00.123456789Z stdout F message of a container',
]
const LINE_WORDS = [
  ...`= : [ ] ( / . - " ' 0 1234567890 deadbeef 0x1f 10.0.0.1:80 é 😀 blk_-1 <*> <NUM> key=value 10:00:00,123`.split(
    ' ',
  ),
  ...[' ', '\0', '\u2028', '550e8400-e29b-41d4-a716-446655440000'],
]

/** Many lines, one after the other, to one Drain: its templates fit their lines and its bounds hold. */
export function drainLine(): FuzzTarget {
  const drain = new Drain({ maxClusters: 200, maxLineLength: 2000 })
  return {
    seeds: LINES.map(line => Buffer.from(line)),
    words: LINE_WORDS,
    run(input) {
      const line = input.toString()
      const { key, cluster, change } = drain.learn(line)
      expect(drain.size <= 200, 'templates are bounded')
      expect(drain.cluster(key) === cluster, 'the template is kept')
      const parameters = drain.parameters(line, cluster)
      expect(
        parameters.every(({ value }) => line.includes(value)),
        'parameters stand in the line',
      )
      return `${change} ${Math.min(parameters.length, 6)}`
    },
  }
}

/** A line read by every header format. */
export function headerLine(): FuzzTarget {
  const formats = [...LAYOUT_NAMES, '<Date> <Time> <Pid> <Level> <Component>: <Content>'].map(name =>
    HeaderFormat.parse(name, { referenceTimeMs: Date.UTC(2024, 5, 1) }),
  )
  return {
    seeds: LINES.map(line => Buffer.from(line)),
    words: [...LINE_WORDS, ...JSON_WORDS, '2024-02-30T25:61:61Z', '+99:99', 'Feb 30 ', '99999999999999'],
    maxBytes: 1 << 16,
    run(input) {
      const line = input.toString()
      let fits = ''
      for (const format of formats) {
        const { hasHeader, timeMs } = format.parse(line)
        expect(timeMs === undefined || Number.isFinite(timeMs), 'a time is a number')
        fits += hasHeader ? '1' : '0'
      }
      detectFormat([line])
      return fits
    },
  }
}

/** Patterns and notations of header formats: compiled or refused; what is compiled searches in linear time. */
export function pattern(): FuzzTarget {
  const text = `${'aaaa-bbbb 1234 (x) '.repeat(500)}!`
  return {
    seeds: [
      'blk_-?\\d+',
      '(?:a|b)*?c{2,5}',
      '[^\\w.-]+(?i)x',
      '(?<name>\\p{L}+)\\b',
      '(a+)+$',
      '^(?:\\d{1,3}\\.){3}\\d+$',
    ].map(seed => Buffer.from(seed)),
    words: [
      ...'( ) [ ] { } | * + ? {2,5} {1000} (?: (?i) (?=a) (?<!b) . ^ $ [a-z] [^ [:alpha:] (a*)* <Date> <Content> -'.split(
        ' ',
      ),
      ...String.raw`\b \p{L} \d \w \u0041 \x`.split(' '),
    ],
    maxBytes: 4096,
    run(input) {
      const source = input.toString()
      const format = endOf(() => HeaderFormat.parse(source) && 'format', DrainConfigError)
      return endOf(() => {
        const regex = LinearRegex.compile(source)
        const found = regex.find(text)
        expect(
          found === undefined || (found.start >= 0 && found.end <= text.length),
          'a match is in the text',
        )
        return `${format} ${found === undefined ? 'none' : Math.min(found.end - found.start, 20)} ${regex.extract(text)?.length ?? -1}`
      }, PatternError)
    },
  }
}

/** A stored Drain: restored, it can learn on, or it is refused. */
export function drainSnapshot(): FuzzTarget {
  const drain = new Drain()
  for (const line of LINES) for (const end of ['', ' more', ' 17']) drain.learn(line + end)
  return {
    seeds: [Buffer.from(JSON.stringify(drain.toSnapshot()))],
    words: [
      ...JSON_WORDS,
      '"tokens"',
      '"path"',
      '"glued"',
      '"key"',
      '"masks"',
      '"depth":8',
      '"maxClusters":1',
      '"recency"',
    ],
    run: input =>
      endOf(
        () => {
          const restored = Drain.fromSnapshot(JSON.parse(input.toString()))
          for (const line of LINES) restored.learn(line)
          return `restored ${restored.size}`
        },
        SyntaxError,
        DrainSnapshotError,
      ),
  }
}
