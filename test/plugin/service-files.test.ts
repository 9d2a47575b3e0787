import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import t from 'tap'
import { MemoryOutput, manualService } from '../fixtures/plugin/manual-service.js'
import { smallModel } from '../fixtures/plugin/small-model.js'

t.test('an output that refuses ends the reading of files with an error, and not the process', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'logneo-files-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'a.log')
  await writeFile(path, 'reading data req=x\n'.repeat(2500))
  const output = new MemoryOutput()
  output.isAway = true
  const stage = { model: await smallModel() }
  const { service } = await manualService(t, {
    stage,
    outputs: [output],
    files: { paths: [path], tag: 'raw.a' },
  })
  let numUnhandled = 0
  const count = (): void => void numUnhandled++
  process.on('unhandledRejection', count)
  t.teardown(() => process.off('unhandledRejection', count))
  await t.rejects(service.readFiles(), /the receiver is away/)
  await service.stop()
  await breathe()
  t.equal(numUnhandled, 0)
})
