import t from 'tap'
import { readLineModel } from '../../plugin/model.js'
import { judgeSessions, scoreSessions } from '../../plugin/offline-sessions.js'
import { openEngine } from '../../plugin/open-engine.js'
import { resolveStageOptions } from '../../plugin/stage-options.js'
import { DETECTOR_NAMES } from '../../scorer/detectors/detector.js'
import { OfflineJudge } from '../../scorer/offline-judge.js'
import { Random } from '../../scorer/random.js'
import { grammarLog, logLine, smallModel } from '../fixtures/plugin/small-model.js'

const START_MS = Date.UTC(2024, 7, 1)

const KINDS = ['open', 'read', 'check', 'write', 'sync']

/** What looks at the keys of a session alone, as whole sessions given as rows of keys have nothing else. */
const DETECT = {
  falseAlarmRate: 0.02,
  detectors: DETECTOR_NAMES.filter(name => name !== 'parameter' && name !== 'time-gap'),
}

/** Normal sessions, sessions with lines of kinds never seen, one to nine of them, sessions cut short, and some in no order at all. */
function lines(): string[] {
  const normal = grammarLog(3, 120)
  const unseen = Array.from({ length: 9 }, (_, i) => [
    logLine(START_MS, `new${i}`, 'open', 1),
    ...Array.from({ length: i + 1 }, (_, at) =>
      logLine(START_MS, `new${i}`, at % 2 === 0 ? 'explode' : 'melt', 1),
    ),
    logLine(START_MS, `new${i}`, 'close', 1),
  ])
  const cut = ['open', 'read', 'sync'].map(word => logLine(START_MS, `cut${word}`, word, 1))
  const random = new Random(1)
  const disordered = Array.from({ length: 200 }, () =>
    logLine(START_MS, `any${random.integer(20)}`, KINDS[random.integer(KINDS.length)]!, 1),
  )
  return [...normal, ...unseen.flat(), ...cut, ...disordered]
}

t.test('sessions judged line by line are judged as the same sessions given whole', async t => {
  const path = await smallModel()
  const { engine } = await openEngine(resolveStageOptions({ model: path, detect: DETECT }))
  const keys = new Map<string, string[]>()
  const input = lines().map((line, i) => ({ line, timeMs: START_MS + 1000 * i }))
  const { verdicts, summaries } = await engine.judge(input)
  for (const { session, template_id } of verdicts) {
    if (session === undefined) continue
    keys.set(session, [...(keys.get(session) ?? []), template_id!])
  }
  const quiet = Array.from({ length: 30 }, (_, i) => {
    const timeMs = START_MS + 1000 * input.length + 60_000 * i
    return { line: logLine(timeMs, 'last', 'open', 1), timeMs }
  })
  const idle = await engine.judge(quiet)
  await engine.close()
  const live = new Map([...summaries, ...idle.summaries].map(({ summary }) => [summary.session, summary]))
  const sessions = [...keys].filter(([session]) => live.has(session))
  t.ok(sessions.length > 100, `${sessions.length} sessions`)

  const { bundle } = await readLineModel(path)
  const whole = judgeSessions(
    new OfflineJudge(bundle, DETECT),
    await scoreSessions(
      bundle,
      sessions.map(([, own]) => ({ keys: own })),
    ),
  )
  let numFlagged = 0
  sessions.forEach(([session], i) => {
    const { anomaly, score, reasons } = live.get(session)!
    const { isFlagged, score: scoreOfWhole, reasons: reasonsOfWhole } = whole[i]!
    if (isFlagged) numFlagged++
    t.equal(anomaly, isFlagged, session)
    t.same([...reasons].sort(), [...reasonsOfWhole].sort(), session)
    t.ok(Math.abs(score - scoreOfWhole) < 1e-4, `${session}: ${score} is ${scoreOfWhole}`)
  })
  t.ok(numFlagged >= 9 && numFlagged < sessions.length / 2, `${numFlagged} flagged`)
  const scoreOf = (session: string): number => live.get(session)!.score
  t.ok(scoreOf('new8') > scoreOf('new0'), 'the more lines of new kinds, the stranger')
})
