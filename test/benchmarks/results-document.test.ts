import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { withSection, writeSection } from '../../benchmarks/results/document.js'
import { type Section, spread, table } from '../../benchmarks/results/section.js'

const occasion = {
  machine: {
    cpu: 'a processor',
    cores: 2,
    memoryGiB: 8,
    platform: 'linux x64',
    node: 'v20',
    commit: 'abc1234',
    load: 0.5,
  },
  date: '2026-01-02',
}
const section = (name: string, text: string): Section => ({
  name,
  title: `About ${name}`,
  text,
  figures: { text },
})

t.test('a section is replaced between its marks, and nothing else is touched', async t => {
  const others = '# Results\n\n## Written by hand\n\nWords.\n'
  const first = withSection(others, section('speed', 'slow'), occasion)
  t.ok(first.startsWith(others.trimEnd()))
  const second = withSection(first, section('size', 'small'), occasion)
  const third = withSection(second, section('speed', 'fast'), occasion)
  t.notMatch(third, /slow/)
  t.equal(third.replace('fast', 'slow'), second)
  t.match(third, /2026-01-02, commit abc1234; a processor, 2 cores/)
})

t.test('figures of other sections stay in the data file', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'logneo-results-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeSection(folder, section('speed', 'slow'), occasion)
  await writeSection(folder, section('size', 'small'), occasion)
  await writeSection(folder, section('speed', 'fast'), occasion)
  const data = JSON.parse(await readFile(join(folder, 'results.json'), 'utf8'))
  t.match(data, {
    speed: { figures: { text: 'fast' }, date: '2026-01-02' },
    size: { figures: { text: 'small' } },
  })
})

t.test('several trainings as mean, deviation and worst', async t => {
  t.same(spread([0.9, 0.8, 1]), { mean: 0.9, deviation: 0.09999999999999998, worst: 0.8 })
  t.equal(spread([0.5]).deviation, 0)
  t.equal(table(['name', 'F1'], [['one', 0.9]]), '| name | F1 |\n| --- | ---: |\n| one | 0.9 |')
})
