import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { ForwardOutput } from '../../plugin/output/forward.js'
import { encode, eventTime } from '../fixtures/forward-values.js'
import { BulkServer } from '../fixtures/plugin/bulk-server.js'
import { MAIN } from '../fixtures/plugin/cli.js'
import { HttpCollector } from '../fixtures/plugin/http-collector.js'
import { grammarLog, logLine, smallModel } from '../fixtures/plugin/small-model.js'
import { freePort } from '../fixtures/services/free-port.js'
import { findProgram, missing } from '../fixtures/services/program.js'
import { Prometheus } from '../fixtures/services/prometheus.js'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')
const RULES = join(ROOT, 'configs/prometheus/logneo.rules.yml')
const DASHBOARD = join(ROOT, 'configs/grafana/logneo.json')
interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
}

async function rules(): Promise<Rule[]> {
  const { groups } = parse(await readFile(RULES, 'utf8')) as { groups: { rules: Rule[] }[] }
  return groups.flatMap(group => group.rules)
}

/** Every expression of the dashboard, its variables filled in as Grafana would. */
async function dashboardExpressions(): Promise<{ title: string; expr: string }[]> {
  interface Panel {
    readonly title: string
    readonly targets?: readonly { readonly expr: string }[]
  }
  const { panels } = JSON.parse(await readFile(DASHBOARD, 'utf8')) as { panels: Panel[] }
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll(/"\$(job|instance)"/g, '".*"'),
    })),
  )
}

/** Names of metrics in an expression. */
const namesIn = (expression: string): string[] => [
  ...new Set(expression.match(/\b(?:logneo|process|nodejs)[a-z0-9_:]*(?=[{[ )<>]|$)/g) ?? []),
]

/** A stage as a user runs it, with records of all kinds through it. @returns where its metrics are */
async function runStage(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'logneo-prometheus-stage-'))
  const [metricsPort, forwardPort] = [await freePort(), await freePort()]
  const elasticsearch = await BulkServer.start(t)
  const hook = await HttpCollector.start(t)
  const config = join(folder, 'a.logneo.yaml')
  await writeFile(
    config,
    `model: {path: ${await smallModel()}}
input: {forward: {port: ${forwardPort}}}
detect: {false_alarm_rate: 0.02, adopt: {enabled: true}}
state: {path: state}
output: {elasticsearch: {urls: ['${elasticsearch.url}']}}
alerts: {webhook: {url: '${hook.url}'}, min_severity: low, group_wait_seconds: 0}
metrics: {port: ${metricsPort}}
`,
  )
  const stage = spawn(process.execPath, [MAIN, 'run', '--config', config], { stdio: 'ignore' })
  const ended = once(stage, 'exit')
  t.teardown(async () => {
    stage.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  })
  const sender = new ForwardOutput({ port: forwardPort, retryMinMs: 50, retryMaxMs: 100 })
  const odd = ['open', 'explode', 'close'].map((kind, i) => logLine(1e12 + i, 'odd', kind, i))
  const messages = [...grammarLog(7, 30), ...odd, 'a line of no session']
  const entries = messages.map(message => encode([eventTime(1_700_000_000), { message }]))
  await sender.send('raw.app', Buffer.concat(entries), entries.length)
  await sender.close()
  await hook.received(1)
  return `127.0.0.1:${metricsPort}`
}

const program = findProgram('prometheus', 'LOGNEO_PROMETHEUS')
t.test(
  'a real Prometheus',
  { skip: program ? false : missing('prometheus', 'LOGNEO_PROMETHEUS') },
  async t => {
    const target = await runStage(t)
    const prometheus = await Prometheus.start(t, program!, target, RULES)
    await prometheus.until('count_over_time(logneo_events_total[1m]) > 4')
    const list = await rules()
    await prometheus.until(list.find(({ record }) => record === 'logneo:chunk_seconds:p99_5m')!.record!)

    const metadata = (await prometheus.ask('metadata')) as Record<string, readonly { type: string }[]>
    const recorded = new Set(list.map(({ record }) => record))
    const isKnown = (name: string): boolean =>
      recorded.has(name) || name in metadata || name.replace(/_(bucket|sum|count)$/, '') in metadata

    await t.test('every rule is evaluated, on metrics that there are', async t => {
      for (const { record, alert, expr } of list) {
        await t.resolves(prometheus.query(expr), record ?? alert ?? expr)
        t.strictSame(
          namesIn(expr).filter(name => !isKnown(name)),
          [],
          `metrics of ${record ?? alert}`,
        )
      }
      const { groups } = (await prometheus.ask('rules')) as {
        groups: { rules: { health: string; name: string }[] }[]
      }
      const unwell = groups.flatMap(group => group.rules).filter(({ health }) => health !== 'ok')
      t.strictSame(
        unwell.map(({ name }) => name),
        [],
      )
      t.strictSame(
        await prometheus.query('ALERTS{alertstate="firing"}'),
        [],
        'nothing is wrong with this stage',
      )
    })

    await t.test('every panel of the dashboard shows something', async t => {
      const expressions = await dashboardExpressions()
      t.ok(expressions.length > 20)
      for (const { title, expr } of expressions) {
        const found = await prometheus.query(expr)
        t.strictSame(
          namesIn(expr).filter(name => !isKnown(name)),
          [],
          `metrics of ${title}`,
        )
        t.ok(found.length > 0, `${title}: ${expr}`)
        t.notOk(
          found.some(({ metric }) => Object.values(metric).includes('')),
          'no label is empty',
        )
      }
    })

    await t.test('names are as Prometheus wants them', async t => {
      const { stdout } = await lint(await (await fetch(`http://${target}/metrics`)).text())
      t.equal(stdout, '')
      for (const [name, [{ type } = { type: '' }]] of Object.entries(
        metadata as Record<string, [{ type: string }]>,
      )) {
        if (name.startsWith('logneo_') && type === 'counter') t.match(name, /_total$/)
      }
    })
  },
)

/** `promtool check metrics`; what the library for the process's own metrics names otherwise is not ours. */
async function lint(metrics: string): Promise<{ stdout: string }> {
  const ours = metrics
    .split('\n')
    .filter(line => /^(# (HELP|TYPE) )?logneo_/.test(line))
    .join('\n')
  const promtool = execFile('promtool', ['check', 'metrics'])
  let stdout = ''
  promtool.stdout?.on('data', part => (stdout += String(part)))
  promtool.stderr?.on('data', part => (stdout += String(part)))
  promtool.stdin?.end(`${ours}\n`)
  await once(promtool, 'close')
  return { stdout }
}

const promtool = findProgram('promtool', 'LOGNEO_PROMTOOL')
t.test(
  'alerts fire where they should',
  { skip: promtool ? false : missing('promtool', 'LOGNEO_PROMTOOL') },
  async t => {
    const folder = await mkdtemp(join(tmpdir(), 'logneo-rules-'))
    t.teardown(() => rm(folder, { recursive: true }))
    await copyFile(RULES, join(folder, 'logneo.rules.yml'))
    await copyFile(join(ROOT, 'configs/prometheus/prometheus.yml'), join(folder, 'prometheus.yml'))
    await copyFile(join(ROOT, 'test/fixtures/prometheus-rules.test.yml'), join(folder, 'rules.test.yml'))
    const run = promisify(execFile)
    await t.resolves(run(promtool!, ['check', 'config', 'prometheus.yml'], { cwd: folder }))
    await t.resolves(run(promtool!, ['test', 'rules', 'rules.test.yml'], { cwd: folder }))
    const told = await readFile(join(folder, 'rules.test.yml'), 'utf8')
    for (const { alert } of await rules())
      if (alert) t.ok(told.includes(`alertname: ${alert}\n`), `${alert} is tested`)
  },
)
