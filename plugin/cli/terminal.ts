import cliProgress from 'cli-progress'

/** A progress bar on stderr, or nothing where nobody watches. */
export interface Progress {
  start(total: number, title: string): void
  /** @param total as it is known by now */
  update(done: number, total: number, note: string): void
  stop(): void
}

const SILENT: Progress = { start() {}, update() {}, stop() {} }

/** @param isWanted what the user said; by default only a terminal gets a bar */
export function progressBar(isWanted: boolean | undefined): Progress {
  if (!(isWanted ?? process.stderr.isTTY === true)) return SILENT
  const bar = new cliProgress.SingleBar({
    format: '{title} {bar} {percentage}%  {note}',
    barsize: barWidth(process.stderr.columns ?? 80),
    barCompleteChar: '█',
    barIncompleteChar: '░',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    noTTYOutput: true,
  })
  return {
    start: (total, title) => bar.start(total, 0, { title, note: '' }),
    update: (done, total, note) => {
      bar.setTotal(total)
      bar.update(done, { note })
    },
    stop: () => bar.stop(),
  }
}

/** The bar gives way to the words beside it, of which a narrow terminal cuts off the last. */
function barWidth(columns: number): number {
  return Math.max(8, Math.min(30, columns - 110))
}

/** A line on stderr that is written over and over, or nothing where nobody watches. */
export interface StatusLine {
  show(text: string): void
  /** Takes it away. */
  clear(): void
}

/** @param isWanted as for progressBar */
export function statusLine(isWanted: boolean | undefined): StatusLine {
  if (!(isWanted ?? process.stderr.isTTY === true)) return { show() {}, clear() {} }
  return {
    show: text => process.stderr.write(`\r\x1b[K${text}`),
    clear: () => process.stderr.write('\r\x1b[K'),
  }
}

/** A message for the person at the terminal. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Writes data to stdout and waits while the reader is slow. */
export async function emit(text: string): Promise<void> {
  if (process.stdout.write(text)) return
  await new Promise(resolve => process.stdout.once('drain', resolve))
}

/** Thrown for wrong usage of a command; the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
