import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as vrl from '@bpinternal/verel'
import { Command } from 'commander'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { addSidecar } from '../../plugin/cli/sidecar-command.js'
import { parseConfig } from '../../plugin/config.js'
import { ConfigError } from '../../plugin/errors.js'
import { findProgram, missing } from '../fixtures/services/program.js'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')
const read = (path: string): Promise<string> => readFile(join(ROOT, 'configs', path), 'utf8')

interface Container {
  readonly name: string
  readonly args: readonly string[]
  readonly ports: readonly { readonly name: string }[]
  readonly resources: { readonly requests: object; readonly limits: object }
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly volumeMounts: readonly {
    readonly name: string
    readonly mountPath: string
    readonly readOnly?: boolean
  }[]
  readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly path: string; readonly port: string } }
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: {
    readonly selector?: { readonly matchLabels: object }
    readonly template?: {
      readonly metadata: { readonly labels: object }
      readonly spec: {
        readonly automountServiceAccountToken: boolean
        readonly containers: readonly Container[]
        readonly initContainers?: readonly Container[]
        readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[]
      }
    }
  }
}

async function manifests(path: string): Promise<Manifest[]> {
  return parseAllDocuments(await read(path)).map(document => {
    if (document.errors.length > 0) throw document.errors[0]
    return document.toJS() as Manifest
  })
}

/** Problems of a config. */
function problemsOf(text: string): readonly string[] {
  try {
    parseConfig(text, { KAFKA_USERNAME: 'u', KAFKA_PASSWORD: 'p' })
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems
  }
}

for (const file of await readdir(join(ROOT, 'configs/kubernetes'))) {
  t.test(`kubernetes/${file}: pods are confined, and hold together`, async t => {
    const all = await manifests(`kubernetes/${file}`)
    const maps = new Map(
      all.filter(({ kind }) => kind === 'ConfigMap').map(map => [map.metadata.name, map.data!]),
    )
    for (const { spec } of all) {
      if (spec?.template === undefined) continue
      const { containers, initContainers = [], volumes, automountServiceAccountToken } = spec.template.spec
      t.strictSame(spec.template.metadata.labels, spec.selector?.matchLabels)
      t.notOk(automountServiceAccountToken)
      for (const container of [...initContainers, ...containers]) {
        const { name, securityContext: security, volumeMounts, resources, ports, args } = container
        t.match(security, {
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        })
        if (name !== 'fluent-bit') t.match(security, { runAsNonRoot: true, runAsUser: 10001 })
        t.match(resources, { requests: { cpu: String, memory: String }, limits: { memory: String } })
        for (const probe of ['livenessProbe', 'readinessProbe'] as const)
          t.ok(
            ports.some(port => port.name === container[probe]?.httpGet.port),
            `${name}: ${probe}`,
          )
        for (const mount of volumeMounts)
          t.ok(
            volumes.some(volume => volume.name === mount.name),
            mount.name,
          )
        if (name === 'scorer') continue
        const config = args[args.indexOf('--config') + 1]!
        const mount = volumeMounts.find(({ mountPath }) => dirname(config) === mountPath)
        const map = volumes.find(volume => volume.name === mount?.name)?.configMap?.name
        t.ok(
          maps.get(map ?? '')?.[config.slice(mount!.mountPath.length + 1)],
          `${name}: ${config} is in a map`,
        )
      }
    }
    for (const [name, text] of [...maps.values()].flatMap(map => Object.entries(map))) {
      if (name.endsWith('.logneo.yaml')) t.strictSame(problemsOf(text), [], name)
      else t.ok(parse(text), name)
    }
  })
}

t.test('kubernetes/daemonset.yaml: stage and sidecar meet at one socket, with one model', async t => {
  const all = await manifests('kubernetes/daemonset.yaml')
  const { initContainers, containers, volumes } = all.find(({ spec }) => spec?.template)!.spec!.template!.spec
  const [scorer] = initContainers!
  const logneo = containers.find(({ name }) => name === 'logneo')!
  const text = all.find(({ kind }) => kind === 'ConfigMap')!.data!['logneo.logneo.yaml']!
  const { stage, metrics } = parseConfig(text, {})
  // The options as the command line itself reads them.
  let given: Record<string, unknown> = {}
  const program = new Command('logneo').exitOverride()
  addSidecar(program)
  program.commands[0]!.action(options => {
    given = options
  })
  await program.parseAsync(['node', 'logneo', ...scorer!.args])
  t.equal(given.listen, stage.sidecar!.address)
  t.equal(given.model, stage.model)
  t.not(given.health, `0.0.0.0:${metrics!.port}`, 'a port of its own')
  t.match(scorer, { restartPolicy: 'Always', startupProbe: { httpGet: { path: '/readyz' } } })
  const userOf = ({ securityContext }: Container) => securityContext.runAsUser
  t.equal(userOf(scorer!), userOf(logneo), 'the socket opens to its own user alone')
  for (const path of ['/run/logneo', '/var/lib/logneo-model']) {
    const [there, here] = [scorer!, logneo].map(
      ({ volumeMounts }) => volumeMounts.find(({ mountPath }) => mountPath === path)?.name,
    )
    t.ok(there !== undefined && there === here, `${path} is shared`)
  }
  t.match(
    volumes.find(({ name }) => name === 'socket'),
    { emptyDir: { medium: 'Memory' } },
  )
})

t.test('container: the package holds what it runs, and it does not run as root', async t => {
  const text = await read('container/Dockerfile')
  t.match(text, /^USER 10001$/m)
  for (const [, name] of text.matchAll(/^COPY (?!--from|\. )(.+) \S+$/gm))
    for (const path of name!.split(' ')) t.ok(existsSync(join(ROOT, path)), path)
  const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    maxBuffer: 2 ** 26,
  })
  const [{ files, filename }] = JSON.parse(stdout) as [{ files: { path: string }[]; filename: string }]
  t.match(filename, /^logneo-.*\.tgz$/)
  const paths = new Set(files.map(({ path }) => path))
  for (const [, path] of text.matchAll(/\/opt\/logneo\/(\S+)/g)) t.ok(paths.has(path!), `${path}`)
  t.ok(paths.has('dist/scorer/step-worker.js'))
  t.notOk(
    [...paths].some(path => path.startsWith('dist/test')),
    'no tests',
  )
})

const analyze = findProgram('systemd-analyze', 'LOGNEO_SYSTEMD_ANALYZE')
t.test(
  'systemd unit',
  { skip: analyze ? false : missing('systemd-analyze', 'LOGNEO_SYSTEMD_ANALYZE') },
  async t => {
    const folder = await mkdtemp(join(tmpdir(), 'logneo-unit-'))
    t.teardown(() => rm(folder, { recursive: true }))
    const unit = join(folder, 'logneo.service')
    // The program is not installed here.
    await writeFile(
      unit,
      (await read('systemd/logneo.service')).replaceAll('/usr/local/bin/logneo', process.execPath),
    )
    const { stdout, stderr } = await promisify(execFile)(analyze!, ['verify', '--man=no', unit])
    t.equal(stdout + stderr, '')
  },
)

t.test('fluentd: acknowledged, never given up, no loop', async t => {
  const text = await read('fluentd/fluentd.conf')
  t.match(text, /require_ack_response true/)
  t.match(text, /retry_forever true/)
  t.strictSame(
    [...text.matchAll(/^<match (.+)>/gm)].map(([, tags]) => tags),
    ['raw.**', 'scored.** logneo.session'],
  )
  t.equal(
    text.match(/^\s*<\w+.*>$/gm)?.length,
    text.match(/^\s*<\/\w+>$/gm)?.length,
    'what is opened is closed',
  )
})

t.test('vector: its programs compile and do what they say', async t => {
  interface Transform {
    readonly type: string
    readonly source?: string
    readonly route?: Readonly<Record<string, string>>
    readonly inputs: readonly string[]
  }
  const { sources, transforms, sinks } = parse(await read('vector/vector.yaml')) as {
    sources: object
    transforms: Record<string, Transform>
    sinks: Record<string, { inputs: readonly string[] }>
  }
  const programs = Object.values(transforms).flatMap(({ source, route }) =>
    source ? [source] : Object.values(route!),
  )
  for (const program of programs) {
    const { errors } = vrl.check(program)
    t.strictSame(errors.map(vrl.formatDiagnostic), [], program)
  }
  const names = new Set([...Object.keys(sources), ...Object.keys(transforms)])
  for (const { inputs } of [...Object.values(transforms), ...Object.values(sinks)])
    for (const input of inputs) t.ok(names.has(input.split('.', 1)[0]!), input)

  const run = (name: string, event: object) => vrl.execute(transforms[name]!.source!, event).event
  t.strictSame(run('to_logneo', { log: ' a line \n' }), { message: 'a line' })
  t.strictSame(run('to_logneo', { message: 'm', log: 'other' }), { message: 'm', log: 'other' })
  t.strictSame(run('to_logneo', { message: { a: 1 } }), { message: '{"a":1}' })
  t.strictSame(run('from_logneo', { message: 'm', log: 'text', logneo: { anomaly: false } }), {
    message: 'm',
    log: 'text',
    logneo: { anomaly: false },
    event: { dataset: 'logneo', kind: 'event' },
  })
  const flagged = { anomaly: true, score: 6, message: 'why' }
  t.match(run('from_logneo', { tags: ['a', 'log_anomaly'], logneo: flagged }), {
    event: { kind: 'alert', reason: 'why', risk_score: 50 },
    tags: ['a', 'log_anomaly'],
  })
  t.match(run('from_logneo', { logneo: { kind: 'session', anomaly: false } }), {
    event: { dataset: 'logneo.session' },
  })
  const routes = transforms.by_verdict!.route!
  const goes = (name: string, logneo: object) => vrl.execute(routes[name]!, { logneo }).result
  t.equal(goes('anomalies', flagged), true)
  t.equal(goes('anomalies', { anomaly: false }), false)
  t.equal(goes('sessions', { kind: 'session', anomaly: false }), true)
  t.equal(goes('sessions', { kind: 'session', anomaly: true }), false)
})
