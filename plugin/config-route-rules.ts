import type { Get, Report } from './config-rules.js'

/** Rules about where records go. */
export function routes(get: Get, report: Report): void {
  const rules = get('output.route.rules')
  if (!Array.isArray(rules)) return
  const taken = new Map<unknown, number>()
  rules.forEach((rule: unknown, i) => {
    const { severity, to, sample } = (rule ?? {}) as { severity?: unknown; to?: unknown; sample?: unknown }
    for (const name of Array.isArray(severity) ? severity : []) {
      const before = taken.get(name)
      if (before === undefined) taken.set(name, i)
      else if (before !== i)
        report(
          'output.route.rules',
          `names severity ${String(name)} in rule ${before + 1} and in rule ${i + 1}, which will never count for it: remove it from one`,
        )
    }
    for (const output of Array.isArray(to) ? to : [])
      if (typeof output === 'string' && get(`output.${output}`) === undefined)
        report(
          'output.route.rules',
          `sends to ${output}, which output does not have: add it, or remove it from the rule`,
        )
    if (sample === 0 && to !== undefined)
      report(
        'output.route.rules',
        `drops all in rule ${i + 1}, so its outputs have no effect: remove to, or raise sample`,
      )
  })
}
