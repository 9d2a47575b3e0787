import { readFileSync } from 'node:fs'
import type { Config } from '../config.js'
import { type HttpAnswer, HttpClient } from '../http-request.js'
import { authorization, resolveElasticsearchOptions } from '../output/elasticsearch-options.js'
import { noteClock } from './clock.js'
import type { Findings, PeerCheck } from './findings.js'

const MAX_ANSWER_BYTES = 4 * 1024 * 1024
const ADVICE = 'see that the address, tls.ca and the credentials are those of the cluster'
const TEMPLATE_ADVICE =
  'install configs/elasticsearch/index-template.json (docs/elasticsearch.md) before the first record'

type Options = NonNullable<Config['output']['elasticsearch']>

/** Asks each node who it is, and whether the data streams are there or a template for them; writes nothing. */
export function elasticsearchChecks({ caFile, ...given }: Options): PeerCheck[] {
  const { urls, auth, dataStream, sessionDataStream } = resolveElasticsearchOptions(given)
  return urls.map(url => ({
    part: 'output.elasticsearch',
    peer: new URL(url).host,
    advice: ADVICE,
    look: async (findings, signal) => {
      const ca = caFile === undefined ? undefined : readFileSync(caFile, 'utf8')
      const client = new HttpClient({ ca, maxConnections: 1 })
      signal.addEventListener('abort', () => client.close(), { once: true })
      const node = new Node(client, url.endsWith('/') ? url : `${url}/`, authorization(auth))
      try {
        if (!(await greet(node, findings))) return
        await noteStream(node, dataStream, findings)
        await noteStream(node, sessionDataStream, findings)
      } finally {
        client.close()
      }
    },
  }))
}

/** What one node answers. */
class Node {
  constructor(
    readonly client: HttpClient,
    readonly base: string,
    readonly headers: Readonly<Record<string, string>>,
  ) {}

  ask(path: string, method = 'GET'): Promise<HttpAnswer> {
    const { client, base, headers } = this
    return client.send({
      method,
      url: new URL(path, base),
      headers,
      // The check as a whole has its limit.
      timeoutMs: 60_000,
      maxAnswerBytes: MAX_ANSWER_BYTES,
    })
  }
}

/** @returns whether asking further makes sense */
async function greet(node: Node, findings: Findings): Promise<boolean> {
  const { status, headers, body } = await node.ask('')
  if (status === 401) {
    findings.failed('it does not know us (HTTP 401)', 'check api_key, or username and password')
    return false
  }
  if (status === 403)
    findings.warning(
      'we may not ask for its version (HTTP 403)',
      'nothing, if the API key may write alone; else allow monitor on the cluster',
    )
  else if (status >= 400) throw new Error(`it answers HTTP ${status}`)
  else noteVersion(body, findings)
  if (headers.date !== undefined) noteClock(findings, Date.parse(headers.date), 1000)
  return true
}

function noteVersion(body: string, findings: Findings): void {
  const { version, cluster_name: cluster } = parsed(body) as {
    version?: { number?: string; distribution?: string }
    cluster_name?: string
  }
  if (version?.number === undefined)
    findings.warning('it does not say that it is Elasticsearch or OpenSearch', 'check the address')
  else findings.ok(`${version.distribution ?? 'elasticsearch'} ${version.number}, cluster ${cluster}`)
}

async function noteStream(node: Node, name: string, findings: Findings): Promise<void> {
  const { status } = await node.ask(`_data_stream/${encodeURIComponent(name)}`)
  if (status < 300) findings.ok(`data stream ${name} is there`)
  else if (status === 404) await noteTemplate(node, name, findings)
  else
    findings.warning(
      `whether the data stream ${name} is there cannot be told (HTTP ${status})`,
      `allow view_index_metadata on it to be told; writing needs create_doc and auto_configure`,
    )
}

/** Data streams come to be with their first record, where a template says that they are some. */
async function noteTemplate(node: Node, name: string, findings: Findings): Promise<void> {
  const path = `_index_template/_simulate_index/${encodeURIComponent(name)}`
  const { status, body } = await node.ask(path, 'POST')
  const { template } = parsed(body) as { template?: { mappings?: { properties?: object } } }
  const isOurs = Object.hasOwn(template?.mappings?.properties ?? {}, 'logneo')
  if (status < 300 && isOurs)
    findings.ok(`data stream ${name} comes with its first record: its template is there`)
  else if (status < 300)
    findings.warning(`neither the data stream ${name} nor our template for it is there`, TEMPLATE_ADVICE)
  else
    findings.warning(
      `the data stream ${name} is not there, and whether a template is cannot be told (HTTP ${status})`,
      TEMPLATE_ADVICE,
    )
}

/** A map, whatever came. */
function parsed(body: string): object {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
