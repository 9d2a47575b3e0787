/** Offsets of zone names in minutes east of UTC. Names that mean several zones stand for their usual one in logs. */
export const ZONES: ReadonlyMap<number, number> = new Map(
  (
    [
      ['UTC', 0],
      ['GMT', 0],
      ['WET', 0],
      ['EST', -300],
      ['EDT', -240],
      ['CST', -360],
      ['CDT', -300],
      ['MST', -420],
      ['MDT', -360],
      ['PST', -480],
      ['PDT', -420],
      ['BST', 60],
      ['CET', 60],
      ['CEST', 120],
      ['EET', 120],
      ['EEST', 180],
      ['MSK', 180],
      ['IST', 330],
      ['JST', 540],
    ] as const
  ).map(([name, minutes]) => [pack(name), minutes * 60_000]),
)

export const MONTHS = new Map(
  ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].map((name, i) => [
    pack(name),
    i + 1,
  ]),
)
export const WEEKDAYS = new Set(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'].map(pack))

/** A name as one number, whatever its case, to find it without making a string. */
function pack(name: string): number {
  return [...name.toLowerCase()].reduce((packed, letter) => packed * 128 + letter.charCodeAt(0), 0)
}

/** As `pack`, of three letters in lower case. */
export function packThree(first: number, second: number, third: number): number {
  return (first * 128 + second) * 128 + third
}
