import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readModel, writeModel } from '../../plugin/model.js'
import { trainingAdvice } from '../../plugin/report/advice.js'
import { REPORT_FILE, reportDocuments } from '../../plugin/report/documents.js'
import { renderReport } from '../../plugin/report/report.js'
import { Vocabulary } from '../../scorer/vocabulary.js'
import { reportData, SURPRISING } from '../fixtures/plugin/report-data.js'
import { TINY } from '../fixtures/scorer/tiny-model.js'
import { validationOf } from '../fixtures/scorer/validation.js'

/** The text a reader sees, tags taken out. */
const textOf = (html: string) =>
  html
    .replace(/^.*<body>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')

t.test('the figures of the training are in the report', async t => {
  const text = textOf(renderReport(reportData()))
  const expected = [
    /LogNEO model abcdef012345/,
    /sessions 3,000 events 12,345/,
    /loss, held out 0\.625 nats/,
    /trained in 1 min 1 s/,
    /lines 54,321/,
    /of no session 21 \(0\.039 %\)/,
    /format iso/,
    /told apart by req=\(\\w\+\)/,
    /left out 17/,
    /nano: 2 layers, width 8/,
    /seed 42/,
    /2026-02-03 04:05 UTC, logneo 9\.8\.7/,
  ]
  for (const pattern of expected) t.match(text, pattern)
  // Evidence begins where a tenth is left and thins out by e: 1 in 500 is ln 50 further out, and the last of it counts half.
  t.match(text, /flagged from 3\.[67]\d on/)
  t.match(text, /3,000 validation sessions; [56] lie beyond the threshold/)
  t.match(text, /between 0\.0[79]\d* % and 0\.[34]\d* % \(95 % interval\)/)
})

t.test(
  'keys stand with their templates, how common they are, and whether one session alone had them',
  async t => {
    const text = textOf(renderReport(reportData()))
    t.match(text, /connection from &lt;\*&gt; accepted 4,000 100 %/)
    t.match(text, /read 3,999 75 %/)
    t.match(text, /close 3,997 one session only/)
    t.match(text, /4 log keys.* 1 of them was seen in one session only/)
  },
)

t.test(
  'a surprising session shows its events in order, the worst one, and what was expected instead',
  async t => {
    const html = renderReport(reportData())
    t.match(
      textOf(html),
      /request-77 9\.3 nats , event 3 of 3; .*beyond the false-alarm rate.*1 connection from .* 0\.1 2 read 0\.3 3 close 9\.3 expected instead 93 % check 5 % end of the session 4 end of the session 0\.5/,
    )
    t.equal(html.split('class="worst"').length, 2)
  },
)

t.test('of a long session only the events about the worst are shown', async t => {
  const keys = Array.from({ length: 10_000 }, (_, i) => `key${i}`)
  const surprises = Float32Array.from(keys, (_, i) => (i === 5000 ? 8 : 1))
  const { details } = reportData().model
  const html = renderReport(
    reportData({
      model: { details: { ...details!, surprising: [{ ...SURPRISING, keys, surprises, worst: 5000 }] } },
    }),
  )
  const text = textOf(html)
  t.match(text, /event 5,001 of 10,000/)
  t.match(text, /… 4,988 events before 4,989 key4988 .* 5,006 key5005 1\.0 … 4,994 events after/)
})

const HOSTILE = [
  '<script>alert(1)</script>',
  '</style></title><img src=x onerror=alert(2)>',
  '"><a href="javascript:alert(3)">',
  "' onmouseover='alert(4)",
  '\u0000\u0007\u001b[31mred\u2028\u202egpj.exe\u2066\ufeff',
  `\ud800 lone`,
  'مرحبا بالعالم',
  'x'.repeat(100_000),
  '$& $1 $$',
]

t.test('nothing from the log becomes markup, moves text, or stays invisible', async t => {
  const { details, training } = reportData().model
  const html = renderReport(
    reportData({
      source: {
        paths: HOSTILE,
        lines: {
          numLines: 9,
          numWithoutSession: 0,
          numTemplates: 9,
          format: HOSTILE[0]!,
          sessionRule: HOSTILE[1]!,
        },
      },
      template: key => key,
      model: {
        vocabulary: new Vocabulary(HOSTILE),
        training: { ...training, options: { preset: HOSTILE[0]!, seed: HOSTILE[1]! } },
        details: {
          ...details!,
          keyCounts: HOSTILE.map(key => ({ key, numEvents: 1, numSessions: 1 })),
          surprising: HOSTILE.map(id => ({
            ...SURPRISING,
            id,
            keys: HOSTILE,
            surprises: HOSTILE.map((_, i) => i),
            worst: 4,
            expected: HOSTILE.map(key => ({ key, probability: 0.1 })),
          })),
        },
      },
    }),
  )
  const body = html.replace(/^.*<body>/s, '')
  t.notMatch(body, /<script|<img|<a |javascript:[^&]*"|\son\w+=["']/i)
  t.match(body, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/)
  t.notMatch(
    html.replaceAll('\n', ''),
    /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u,
    'controls are named',
  )
  t.match(body, /<span class="code">U\+202E<\/span>gpj\.exe/)
  t.match(body, /<span class="code">U\+001B<\/span>\[31mred/)
  t.match(body, /<bdi>مرحبا بالعالم<\/bdi>/)
  t.equal(Buffer.from(html).toString(), html, 'no half of a surrogate pair')
  t.notMatch(html, 'x'.repeat(400), 'long lines are cut')
  t.ok(html.length < 600_000, `${html.length}`)
})

t.test('the page needs nothing from elsewhere and runs nothing', async t => {
  const html = renderReport(reportData())
  t.match(
    html,
    /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'/,
  )
  t.notMatch(html, /<script|<link|<img|<iframe|@import|url\(|\ssrc=|\shref=/i)
  t.match(html, /prefers-color-scheme:dark/)
  t.match(html, /@media print/)
  t.notMatch(html, /NaN|undefined|Infinity|\[object/)
})

t.test('with 100,000 log keys the page stays small and counts the rest', async t => {
  const keys = Array.from({ length: 100_000 }, (_, i) => `key ${i} <*>`)
  const { details } = reportData().model
  const html = renderReport(
    reportData({
      model: {
        vocabulary: new Vocabulary(keys),
        details: { ...details!, keyCounts: keys.map(key => ({ key, numEvents: 2, numSessions: 2 })) },
      },
    }),
  )
  t.equal(html.split('<tr><td').length - 1, 500)
  t.match(textOf(html), /99,500 rarer log keys with 199,000 events are not listed/)
  t.ok(html.length < 600_000, `${html.length}`)
})

t.test(
  'reinforcement is shown where there was some, and a record that cannot be read is passed over',
  async t => {
    const { training } = reportData().model
    const withSteps = (reinforcement: unknown) =>
      textOf(
        renderReport(
          reportData({
            model: {
              training: {
                ...training,
                options: { ...training.options, reinforcement: { reward: 'positional' } },
                reinforcement,
              } as typeof training,
            },
          }),
        ),
      )
    const steps = [1, 2, 3].map(step => ({
      step,
      reward: step / 4,
      approxKl: 0.01,
      entropy: 1,
      topKMissRate: 0.5 / step,
    }))
    t.match(
      withSteps({ model: { steps }, folds: [{ steps }, { steps }] }),
      /Reinforcement \(positional\).*mean reward.*3: 0\.75.*outside the K likeliest.*3: 0\.1667/,
    )
    for (const odd of [undefined, null, { model: { steps: [] }, folds: [] }, { steps: 'many' }])
      t.notMatch(withSteps(odd), /Reinforcement/)
  },
)

t.test('few validation sessions, and none of them known, are told as they are', async t => {
  const few = reportData({ model: { validation: validationOf({ 'next-key': [0.5, 1, 2] }) } })
  t.match(
    trainingAdvice(few)[0],
    /^3 validation sessions cannot tell how rare 1 in 500 is.*2,500 sessions or more/,
  )
  t.match(textOf(renderReport(few)), /Worth a look 3 validation sessions cannot tell/)
  t.same(trainingAdvice(reportData()), [])
  const { details: _, ...bare } = reportData().model
  const html = renderReport({ ...reportData(), model: bare })
  t.notMatch(html, /NaN|undefined|Infinity/)
  t.match(html, /no data|p-value in use/)
})

t.test('what looks wrong in a training is said', async t => {
  const { training, details } = reportData().model
  const { lines } = reportData().source
  const advice = (changes: Parameters<typeof reportData>[0]) => trainingAdvice(reportData(changes)).join('\n')
  t.match(
    advice({ source: { paths: [], lines: { ...lines!, numWithoutSession: 30_000 } } }),
    /55 % of the lines belong to no session/,
  )
  t.match(advice({ model: { training: { ...training, numEvents: 3300 } } }), /holds 1\.1 events on average/)
  t.match(
    advice({ model: { details: { ...details!, numEventsOfLongest: 10_000 } } }),
    /one session holds 81 % of all events/,
  )
  const rare = Array.from({ length: 40 }, (_, i) => ({
    key: `k${i}`,
    numEvents: 1,
    numSessions: 1 + (i % 2),
  }))
  t.match(
    advice({
      model: {
        vocabulary: new Vocabulary(rare.map(({ key }) => key)),
        details: { ...details!, keyCounts: rare },
      },
    }),
    /20 of 40 log keys were seen in one session only/,
  )
})

t.test('the report goes into the bundle, and the model lives without it', async t => {
  const path = join(t.testdir(), 'model')
  const { id: _, ...facts } = reportData({
    model: { vocabulary: new Vocabulary(['a', 'b', 'c', 'd', 'e', 'f', 'g']) },
  })
  t.equal(facts.model.config, TINY)
  const warnings: string[] = []
  const id = await writeModel(
    path,
    facts.model,
    undefined,
    reportDocuments(facts, text => warnings.push(text)),
  )
  t.match(await readFile(join(path, REPORT_FILE), 'utf8'), new RegExp(`<h1>LogNEO model ${id}</h1>`))
  t.equal((await readModel(path)).bundle.id, id)
  await rm(join(path, REPORT_FILE))
  t.equal((await readModel(path)).bundle.id, id, 'deleted by someone who keeps logs private')
  t.equal(await writeModel(path, facts.model, undefined), id, 'the id is of the model alone')
  const broken = {
    ...facts,
    template: () => {
      throw new Error('no template')
    },
  }
  t.equal(
    await writeModel(
      path,
      facts.model,
      undefined,
      reportDocuments(broken, text => warnings.push(text)),
    ),
    id,
  )
  t.same(warnings, ['no report could be made: no template'])
})
