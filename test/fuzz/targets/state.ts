import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FLAGGED_FILE, JOURNAL_FILE, StateDirectory } from '../../../plugin/adopt/state-directory.js'
import { Positions } from '../../../plugin/input/follow/positions.js'
import { ReplayBuffer } from '../../../plugin/learn/replay-buffer.js'
import { loadDrain, loadSessions } from '../../../plugin/learn/replay-file.js'
import { endOfAsync, expect, type FuzzTarget } from '../target.js'
import { JSON_WORDS } from './http.js'

const WORDS = [
  ...JSON_WORDS,
  ...[
    '"event":"adopted"',
    '"event":"revoked"',
    '"id":',
    '"oddities":[',
    '"kind":"unseen"',
    '"key":"t1"',
    '"session":"s"',
    '"offset":-1',
  ],
]

/** The first line says what is put into which file; the state directory opens whatever is there. */
export function stateDirectory(): FuzzTarget {
  const path = mkdtempSync(join(tmpdir(), 'logneo-fuzz-'))
  const state = StateDirectory.open(path)
  const oddities = [{ kind: 'unseen', key: 't1' } as const]
  state.flagged({ session: 's', message: 'm', oddities, description: ['d'] })
  const adopted = {
    event: 'adopted',
    id: 'a1',
    time: '2024',
    by: 'feedback',
    session: 's',
    oddities,
    description: ['d'],
  }
  const journal = `${JSON.stringify(adopted)}\n{"event":"revoked","id":"a1","time":"2024"}\n`
  const flagged = `${JSON.stringify({ session: 's', message: 'm', oddities, description: [] })}\n`
  return {
    seeds: [Buffer.from(`0${journal}`), Buffer.from(`1${flagged}`)],
    words: WORDS,
    run(input) {
      const contents = input.subarray(1)
      const isJournal = input[0] === 0x30
      writeFileSync(join(path, JOURNAL_FILE), isJournal ? contents : '')
      writeFileSync(join(path, FLAGGED_FILE), isJournal ? '' : contents)
      let numWarnings = 0
      const opened = StateDirectory.open(path, { warn: () => numWarnings++ })
      const marked = opened.mark('s')
      return `${isJournal} ${numWarnings} ${Math.min(opened.adoptions.size, 3)} ${marked?.by}`
    },
    close: () => rmSync(path, { recursive: true, force: true }),
  }
}

const MAX_REPLAY_BYTES = 1 << 20

/** Sessions kept to train on, and the Drain beside them. */
export function replayFile(): FuzzTarget {
  const path = mkdtempSync(join(tmpdir(), 'logneo-fuzz-'))
  return {
    seeds: [
      Buffer.from(
        '{"id":"a","keys":["k1","k2"],"ended":true,"isWhole":true}\n{"id":"b","keys":["k1"],"ended":false,"isWhole":true}\n',
      ),
    ],
    words: [...WORDS, '"keys"', '"ended"', '"isWhole"'],
    async run(input) {
      writeFileSync(join(path, 'replay.ndjson'), input)
      writeFileSync(join(path, 'replay-drain.json'), input)
      const buffer = new ReplayBuffer(MAX_REPLAY_BYTES)
      await loadSessions(path, buffer)
      expect(buffer.bytes <= MAX_REPLAY_BYTES || buffer.size === 1, 'sessions are bounded')
      return `${Math.min(buffer.size, 3)} ${(await loadDrain(path)) !== undefined}`
    },
    close: () => rmSync(path, { recursive: true, force: true }),
  }
}

/** How far followed files were read. */
export function positions(): FuzzTarget {
  const folder = mkdtempSync(join(tmpdir(), 'logneo-fuzz-'))
  const path = join(folder, 'positions.json')
  const position = { device: 1, inode: 2, offset: 3, fingerprint: { bytes: 4, sha256: 'f' } }
  return {
    seeds: [Buffer.from(JSON.stringify({ version: 1, files: { '/var/log/a': position } }))],
    words: WORDS,
    run(input) {
      writeFileSync(path, input)
      return endOfAsync(async () => {
        const loaded = await Positions.load(path).catch((error: Error) => {
          expect(/mend it, or remove it/.test(error.message), 'the message says what to do')
        })
        return loaded === undefined ? 'refused' : String(loaded.get('/var/log/a') !== undefined)
      })
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}
