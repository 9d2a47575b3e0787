import { createHmac } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Alert, AlertDeliveryError, type Channel } from '../../plugin/alerts/alert.js'
import { Alerts } from '../../plugin/alerts/alerts.js'
import { openAlerts } from '../../plugin/alerts/open-alerts.js'
import type { AlertOptions } from '../../plugin/alerts/options.js'
import { quietCheck } from '../../plugin/alerts/quiet-hours.js'
import { ConfigError } from '../../plugin/errors.js'
import type { ClosedEvent, FlaggedEvent } from '../../plugin/observer.js'
import { Tally } from '../fixtures/forward-peer.js'
import { HttpCollector } from '../fixtures/plugin/http-collector.js'
import { SmtpServer } from '../fixtures/services/smtp-server.js'

// The timers of alerts keep no process alive.
const alive = setInterval(() => {}, 1000)
t.teardown(() => clearInterval(alive))

const START = Date.UTC(2024, 4, 1, 12)
const MINUTE = 60_000

interface Given {
  readonly severity?: 'low' | 'medium' | 'high'
  readonly template?: string
  readonly session?: string
  readonly score?: number
}

let numEvents = 0

function flagged({
  severity = 'medium',
  template = 't',
  session = 's1',
  score = 4,
}: Given = {}): FlaggedEvent {
  return {
    id: `event${numEvents++}`,
    tag: 'raw.a',
    timeMs: START,
    line: `<!channel> \`\`\` ${template} & more`,
    context: ['one', 'two', 'three'],
    verdict: {
      status: 'scored',
      anomaly: true,
      severity,
      score,
      session,
      template,
      template_id: `id-${template}`,
      reasons: ['next-key'],
      message: `why ${template}`,
    },
  }
}

/** @param lineSeverity of its worst flagged line */
function closed(
  session: string,
  severity: 'medium' | 'none' = 'medium',
  lineSeverity?: 'low' | 'medium',
): ClosedEvent {
  const anomaly = severity !== 'none'
  const summary = {
    kind: 'session',
    status: 'scored',
    session,
    anomaly,
    score: 4,
    severity,
    reasons: ['key-set'],
    message: 'an unusual set',
    events: 3,
    anomalies: 1,
    ...(lineSeverity !== undefined && { line_severity: lineSeverity }),
    open: false,
    closed: 'end',
  } as const
  return { id: `close${numEvents++}`, seenMs: START, context: ['last'], summary }
}

/** A channel that keeps alerts, and fails as the test says. */
class Box implements Channel {
  readonly name = 'box'
  readonly alerts: Alert[] = []
  readonly faults: Error[] = []

  async send(alert: Alert): Promise<void> {
    const fault = this.faults.shift()
    if (fault !== undefined) throw fault
    this.alerts.push(alert)
  }

  close(): void {}
}

const FAST: AlertOptions = { tickMs: 2, groupWaitSeconds: 0, retryMinMs: 1, retryMaxMs: 5 }

/** Alerts by a clock that the test moves. */
function setUp(t: Test, options: AlertOptions = {}) {
  const clock = { now: START }
  const box = new Box()
  const counters = new Tally()
  const warnings: string[] = []
  const alerts = new Alerts(
    [box],
    { ...FAST, now: () => clock.now, warn: text => warnings.push(text), ...options },
    counters,
  )
  t.teardown(() => alerts.close())
  /** Waits until what is due is out. */
  const settle = () => sleep(20)
  return { clock, box, counters, warnings, alerts, settle }
}

const groupsOf = ({ alerts }: Box) =>
  alerts.map(({ groups }) => groups.map(({ worst, count }) => [worst.template, count]))

t.test('alike findings are told together, the worst of them, and not again before a while', async t => {
  const { clock, box, alerts, settle } = setUp(t, { groupWaitSeconds: 10, repeatMinutes: 60 })
  alerts.flagged(flagged({ score: 3 }))
  const worst = flagged({ score: 5, session: 's2', severity: 'high' })
  alerts.flagged(worst)
  alerts.flagged(worst)
  await settle()
  t.equal(box.alerts.length, 0, 'waits for others')
  clock.now += 10_000
  await settle()
  t.strictSame(groupsOf(box), [[['t', 2]]], 'the one that came twice counts once')
  t.match(box.alerts[0], {
    severity: 'high',
    groups: [{ worst: { session: 's2', context: ['one', 'two', 'three'] } }],
  })
  clock.now += MINUTE
  for (let i = 0; i < 7; i++) alerts.flagged(flagged())
  clock.now += MINUTE
  await settle()
  t.equal(box.alerts.length, 1, 'told already')
  clock.now += 60 * MINUTE
  await settle()
  t.strictSame(groupsOf(box)[1], [['t', 7]], 'but not forgotten')
})

t.test('what is not severe enough raises none', async t => {
  const { box, alerts, settle, counters } = setUp(t, { minSeverity: 'high' })
  alerts.flagged(flagged({ severity: 'medium' }))
  alerts.flagged(flagged({ severity: 'high', template: 'x' }))
  await settle()
  t.strictSame(groupsOf(box), [[['x', 1]]])
  t.equal(counters.of('alert_findings_total'), 1)
})

t.test('the end of a session is told if no line of it was', async t => {
  const { box, alerts, settle } = setUp(t)
  alerts.flagged(flagged({ session: 's1' }))
  alerts.closed(closed('s1', 'medium', 'medium'))
  alerts.closed(closed('s2'))
  alerts.closed(closed('s3', 'none'))
  alerts.flagged(flagged({ session: 's4', severity: 'low' }))
  alerts.closed(closed('s4', 'medium', 'low'))
  alerts.closed(closed('a line of it was told by another process', 'medium', 'medium'))
  await settle()
  const found = box.alerts.flatMap(({ groups }) => groups)
  t.match(found, [
    { worst: { session: 's1' }, count: 1 },
    { worst: { session: 's2', context: ['last'] }, count: 2 },
  ])
})

t.test('no more than so many an hour; what is due beyond is told in one', async t => {
  const { clock, box, alerts, settle } = setUp(t, { maxPerHour: 2 })
  for (let i = 0; i < 15; i++) {
    alerts.flagged(flagged({ template: `t${i}`, score: i }))
    await settle()
  }
  t.equal(box.alerts.length, 2)
  clock.now += 60 * MINUTE
  await settle()
  t.equal(box.alerts.length, 3)
  t.equal(box.alerts[2]?.groups.length, 10)
  t.equal(box.alerts[2]?.numMore, 3)
  t.equal(box.alerts[2]?.groups[0]?.worst.template, 't14', 'worst first')
})

t.test('quiet hours hold back all but the worst', async t => {
  const quietHours = { from: '13:00', to: '15:00', timeZone: 'Europe/Berlin', except: 'high' } as const
  const { clock, box, alerts, settle } = setUp(t, { quietHours })
  alerts.flagged(flagged({ template: 'a' }))
  alerts.flagged(flagged({ template: 'b' }))
  alerts.flagged(flagged({ template: 'c', severity: 'high' }))
  await settle()
  t.strictSame(groupsOf(box), [[['c', 1]]], '14:00 in Berlin')
  clock.now += 60 * MINUTE
  await settle()
  t.strictSame(
    groupsOf(box)[1],
    [
      ['a', 1],
      ['b', 1],
    ],
    'afterwards in one',
  )
})

t.test('quiet hours go past midnight and follow summer time', async t => {
  const isQuiet = quietCheck({ from: '22:00', to: '07:00', timeZone: 'Europe/Berlin' })
  const at = (text: string) => isQuiet('high', Date.parse(text))
  t.notOk(at('2024-01-15T20:59Z'))
  t.ok(at('2024-01-15T21:00Z'), '22:00 in winter')
  t.ok(at('2024-07-15T20:00Z'), '22:00 in summer')
  t.ok(at('2024-07-15T04:59Z'))
  t.notOk(at('2024-07-15T05:00Z'), '07:00')
  t.ok(at('2024-07-15T22:00Z'), 'midnight')
  t.notOk(quietCheck(undefined)('low', 0))
})

t.test('delivery is tried again, in order, and given up in the end', async t => {
  const { box, alerts, settle, counters, warnings } = setUp(t, { maxTries: 3, repeatMinutes: 0 })
  const passing = new AlertDeliveryError('box: away', true)
  box.faults.push(passing, passing)
  alerts.flagged(flagged({ template: 'a' }))
  await settle()
  alerts.flagged(flagged({ template: 'b' }))
  await settle()
  t.strictSame(groupsOf(box), [[['a', 1]], [['b', 1]]])
  t.equal(counters.of('alerts_retries_total'), 2)
  box.faults.push(passing, passing, passing)
  alerts.flagged(flagged({ template: 'c' }))
  await settle()
  box.faults.push(new AlertDeliveryError('box: no', false))
  alerts.flagged(flagged({ template: 'd' }))
  await settle()
  alerts.flagged(flagged({ template: 'e' }))
  await settle()
  t.strictSame(groupsOf(box)[2], [['e', 1]])
  t.equal(counters.of('alerts_failed_total'), 2)
  t.match(warnings, [/waits: box: away/, /waits/, /not delivered: box: away/, /not delivered: box: no/])
})

t.test('a channel that never answers holds nothing up', async t => {
  const silent: Channel = { name: 'silent', send: () => new Promise(() => {}), close() {} }
  const box = new Box()
  const counters = new Tally()
  const alerts = new Alerts([silent, box], { ...FAST, maxQueue: 2, closeTimeoutMs: 20 }, counters)
  for (let i = 0; i < 4; i++) {
    alerts.flagged(flagged({ template: `t${i}` }))
    await sleep(20)
  }
  t.equal(box.alerts.length, 4)
  t.equal(counters.of('alerts_dropped_total'), 2, 'two wait')
  await alerts.close()
  t.equal(counters.of('alerts_dropped_total'), 4)
})

t.test('stopping tells what still waits for others', async t => {
  const { box, alerts } = setUp(t, { groupWaitSeconds: 60 })
  alerts.flagged(flagged())
  await alerts.close()
  t.strictSame(groupsOf(box), [[['t', 1]]])
})

t.test('Slack', async t => {
  const hook = await HttpCollector.start(t)
  const alerts = await openAlerts({ slack: { url: hook.url } }, FAST, new Tally())
  hook.statuses.push(429, 500)
  alerts.flagged(flagged({ severity: 'high' }))
  const requests = await hook.received(3)
  await alerts.close()
  const { text, blocks } = JSON.parse(requests[2]!.body)
  t.equal(text, 'HIGH: next-key: t')
  t.equal(blocks[0].text.text, 'HIGH: next-key: t')
  t.match(blocks[1].text.text, /^\*high, score 4\.0, next-key\*\nwhy t\nsession s1, tag raw\.a\n/)
  t.equal(
    blocks[2].text.text,
    "```  one\n  two\n  three\n&gt; &lt;!channel&gt; ''' t &amp; more```",
    'a line calls nobody',
  )
})

t.test('a refused webhook is not tried again, a redirect is not followed', async t => {
  const hook = await HttpCollector.start(t)
  const counters = new Tally()
  const warnings: string[] = []
  const options = { ...FAST, warn: (text: string) => warnings.push(text) }
  const alerts = await openAlerts({ slack: { url: `${hook.url}/SECRET` } }, options, counters)
  t.teardown(() => alerts.close())
  for (const status of [404, 302]) {
    hook.statuses.push(status)
    alerts.flagged(flagged({ template: String(status) }))
    await counters.reaches('alerts_failed_total', status === 404 ? 1 : 2)
  }
  t.equal(hook.requests.length, 2)
  t.match(warnings, [/slack: HTTP 404: said/, /slack: HTTP 302/])
  t.notMatch(warnings.join(), /SECRET/)
})

t.test('webhook: what was found as JSON, signed', async t => {
  const hook = await HttpCollector.start(t)
  const secret = 'sixteen characters'
  const alerts = await openAlerts(
    { webhook: { url: hook.url, secret } },
    { ...FAST, contextLines: 1 },
    new Tally(),
  )
  hook.statuses.push(503)
  alerts.flagged(flagged())
  const [first, second] = await hook.received(2)
  await alerts.close()
  t.equal(first?.headers['x-logneo-id'], second?.headers['x-logneo-id'])
  const [, seconds, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(
    String(second?.headers['x-logneo-signature']),
  )!
  t.equal(createHmac('sha256', secret).update(`${seconds}.${second?.body}`).digest('hex'), digest)
  t.ok(Math.abs(Number(seconds) - Date.now() / 1000) < 60)
  t.match(JSON.parse(second!.body), {
    version: 1,
    id: second?.headers['x-logneo-id'],
    severity: 'medium',
    groups: [
      {
        count: 1,
        worst: {
          session: 's1',
          template_id: 'id-t',
          context: ['three'],
          line: /<!channel>/,
          message: 'why t',
        },
      },
    ],
    more: 0,
  })
})

t.test('no log line leaves where none is wanted', async t => {
  const { box, alerts, settle } = setUp(t, { contextLines: 0 })
  alerts.flagged(flagged())
  alerts.closed(closed('s9'))
  await settle()
  for (const { worst } of box.alerts.flatMap(({ groups }) => groups)) {
    t.equal(worst.line, undefined)
    t.strictSame(worst.context, [])
  }
})

t.test('e-mail', async t => {
  const server = await SmtpServer.start(t)
  server.answers.push('451 come back later')
  const email = {
    host: '127.0.0.1',
    port: server.port,
    secure: false,
    from: 'LogNEO <a@b.c>',
    to: ['x@y.z', 'u@v.w'],
  }
  const alerts = await openAlerts({ email }, FAST, new Tally())
  alerts.flagged(flagged({ template: 'täglich\r\nBcc: evil@e.e' }))
  const [mail] = await server.received(1)
  await alerts.close()
  t.match(mail, { from: /<a@b\.c>/, to: [/x@y\.z/, /u@v\.w/] })
  t.notMatch(mail?.data.split('\n\n', 1)[0], /^Bcc:/m, 'a template makes no header')
  t.match(mail?.data, /^Subject: .*LogNEO/m)
  t.match(mail?.data, /^Message-ID: <[0-9a-f-]{36}@logneo>/m)
  t.match(mail?.data, /three/)
})

t.test('e-mail: refusals are final, and no password goes out in the clear', async t => {
  const server = await SmtpServer.start(t, { offersLogin: true })
  server.answers.push('550 no')
  const counters = new Tally()
  const email = { host: '127.0.0.1', port: server.port, secure: false, from: 'a@b.c', to: ['x@y.z'] }
  const open = await openAlerts({ email }, FAST, counters)
  open.flagged(flagged())
  await counters.reaches('alerts_failed_total', 1)
  await open.close()
  const warnings: string[] = []
  const login = { ...email, username: 'u', password: 'secret password' }
  const options = { ...FAST, maxTries: 1, warn: (text: string) => warnings.push(text) }
  const closed = await openAlerts({ email: login }, options, counters)
  closed.flagged(flagged())
  await counters.reaches('alerts_failed_total', 2)
  await closed.close()
  t.equal(server.mails.length, 0)
  t.match(warnings, [/email: .*STARTTLS/i])
  t.notMatch(warnings.join(), /secret password/)
})

t.test('wrong options are told together', async t => {
  const wrong = { maxPerHour: 0, minSeverity: 'worst', quietHours: { from: '25:00', to: '07:00' }, colour: 1 }
  try {
    new Alerts([], wrong as unknown as AlertOptions)
    t.fail('accepted')
  } catch (error) {
    t.ok(error instanceof ConfigError)
    t.equal((error as ConfigError).problems.length, 4)
  }
})
