/** Why a text is no address of an HTTP server, if it is none; the end of a sentence, "must be ...". */
export function httpUrlFault(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    return 'an address such as https://host:9200'
  return url.username === '' && url.password === '' ? undefined : 'an address without user and password in it'
}
