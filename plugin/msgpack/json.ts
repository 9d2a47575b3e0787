import { PackedExt } from './decode.js'

/**
 * A decoded value as JSON text. Loses nothing that JSON can tell: integers of any size are written digit by digit, bytes as
 * base64, extensions as `{ext, data}`. Infinities and NaN, for which JSON has no number, are their names as text.
 */
export function toJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Number.isFinite(value) ? numberText(value) : `"${value}"`
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'object':
      return value === null ? 'null' : objectText(value)
    default:
      return 'null'
  }
}

const numberText = (value: number): string => (Object.is(value, -0) ? '-0.0' : String(value))

function objectText(value: object): string {
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('base64')}"`
  if (Array.isArray(value)) return `[${value.map(toJson).join(',')}]`
  if (value instanceof PackedExt) return `{"ext":${value.type},"data":"${value.data.toString('base64')}"}`
  let text = ''
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined) continue
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${toJson(field)}`
  }
  return `{${text}}`
}
