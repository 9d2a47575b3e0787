import type { TrainingRecord } from '../../scorer/trained-model.js'
import { trainingAdvice } from './advice.js'
import { duration, escapeHtml, type Html, integer, logText, percent } from './html.js'
import type { ReportData } from './report-data.js'

const MAX_TEXT = 200
const MAX_PATHS = 5

/** The headline figures, what is worth knowing about them, and where they come from. */
export function factsSection(data: ReportData): Html {
  const { training, vocabulary, validation } = data.model
  const figures: [name: string, value: string][] = [
    ['sessions', integer(training.numSessions)],
    ['events', integer(training.numEvents)],
    ['log keys', integer(vocabulary.keys.length)],
    ['loss, held out', `${heldOutLoss(training).toFixed(3)} nats`],
    ['false alarms', percent(data.falseAlarmRate)],
    ['judged by', `${integer(validation.numSessions)} held out`],
    ['trained in', duration(training.seconds)],
  ]
  const advice = trainingAdvice(data)
  return `<section class="facts"><dl class="figures">${figures.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('')}</dl>
${advice.length === 0 ? '' : `<div class="advice"><h2>Worth a look</h2><ul>${advice.map(text => `<li>${escapeHtml(text)}</li>`).join('')}</ul></div>`}
<div class="columns">${list('Data', dataFacts(data))}${list('Model', modelFacts(data))}</div></section>`
}

/** Mean of the best held-out losses of the folds, in nats per event. */
export function heldOutLoss({ foldEpochs }: TrainingRecord): number {
  const best = foldEpochs.map(epochs => Math.min(...epochs.map(({ validationLoss = 0 }) => validationLoss)))
  return best.reduce((sum, loss) => sum + loss, 0) / best.length
}

type Fact = readonly [name: string, value: Html]

function list(title: string, facts: readonly Fact[]): Html {
  return `<div><h2>${title}</h2><dl class="list">${facts.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl></div>`
}

function dataFacts({ source, model }: ReportData): Fact[] {
  const { lines } = source
  const shown = source.paths.slice(0, MAX_PATHS).map(path => logText(path, MAX_TEXT))
  const more = source.paths.length - shown.length
  const facts: Fact[] = [
    ['files', [...shown, ...(more > 0 ? [`and ${integer(more)} more`] : [])].join('<br>')],
  ]
  if (lines === undefined) facts.push(['kind', 'key sequences, one session a row'])
  else {
    facts.push(
      ['lines', integer(lines.numLines)],
      [
        'of no session',
        `${integer(lines.numWithoutSession)} (${percent(lines.numWithoutSession / Math.max(1, lines.numLines))})`,
      ],
      ['format', logText(lines.format, MAX_TEXT)],
      ['sessions', logText(lines.sessionRule, MAX_TEXT)],
      ['templates', integer(lines.numTemplates)],
    )
  }
  const { numTrimmed, numValidationSessions } = model.training
  facts.push(
    ['left out', `${integer(numTrimmed)} unlike all others`],
    ['validated on', `${integer(numValidationSessions)} sessions`],
  )
  return facts
}

function modelFacts({ id, version, madeAt, model, falseAlarmRate }: ReportData): Fact[] {
  const { config, training, parameters } = model
  const { preset, seed } = training.options
  return [
    ['id', `<code>${escapeHtml(id)}</code>`],
    [
      'preset',
      `${escapeHtml(String(preset))}: ${integer(config.numLayers)} layers, width ${integer(config.hiddenSize)}`,
    ],
    ['parameters', integer(parameters.length)],
    ['context', `${integer(config.contextLength)} events`],
    ['epochs', integer(training.epochs.length)],
    ['seed', escapeHtml(String(seed))],
    ['false alarms', `${percent(falseAlarmRate)} of normal sessions (default)`],
    ['made', `${madeAt.toISOString().slice(0, 16).replace('T', ' ')} UTC, logneo ${escapeHtml(version)}`],
  ]
}
