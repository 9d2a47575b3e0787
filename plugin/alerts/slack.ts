import type { Alert, AlertGroup, Channel } from './alert.js'
import { explanation, logLines, title } from './alert-text.js'
import { JsonPoster } from './http-channel.js'

/** Slack's own limits. */
const MAX_HEADER_LENGTH = 150
const MAX_SECTION_LENGTH = 2900

/** An incoming webhook of Slack, or of what understands its messages (Mattermost, Rocket.Chat). */
export class SlackChannel implements Channel {
  readonly name = 'slack'
  readonly #poster: JsonPoster

  constructor(url: string) {
    this.#poster = new JsonPoster(this.name, url)
  }

  send(alert: Alert): Promise<void> {
    return this.#poster.post(JSON.stringify(slackMessage(alert)))
  }

  close(): void {
    this.#poster.close()
  }
}

/** Exported for tests. */
export function slackMessage(alert: Alert): object {
  const heading = title(alert)
  const more = alert.numMore > 0 ? [section(`_and ${alert.numMore} more kinds of anomalies_`)] : []
  return {
    text: escaped(heading),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: heading.slice(0, MAX_HEADER_LENGTH) } },
      ...alert.groups.flatMap(blocks),
      ...more,
    ],
  }
}

function blocks(group: AlertGroup): object[] {
  const [verdict = '', message = '', ...rest] = explanation(group).map(escaped)
  const said = section([`*${verdict}*`, message, ...rest].join('\n'))
  const lines = logLines(group)
  return lines.length === 0 ? [said] : [said, section(codeBlock(lines))]
}

const section = (text: string) => ({
  type: 'section',
  text: { type: 'mrkdwn', text: text.slice(0, MAX_SECTION_LENGTH) },
})

/** A line must not close the block that it stands in. */
function codeBlock(lines: readonly string[]): string {
  const text = escaped(lines.join('\n')).replaceAll('```', "'''")
  return `\`\`\`${text.slice(0, MAX_SECTION_LENGTH - 6)}\`\`\``
}

/** The three characters that make links and mentions: a log line must not call everybody. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
