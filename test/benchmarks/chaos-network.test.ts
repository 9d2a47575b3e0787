import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Network, type Side } from '../../benchmarks/chaos/network.js'
import { Part } from '../../benchmarks/chaos/part.js'
import { freePorts } from '../../benchmarks/services/free-ports.js'

const missing = await Network.missing()
if (missing !== undefined && process.env.LOGNEO_REQUIRE_SERVICES === '1') throw new Error(missing)
const skip = missing ?? false

const ECHO = `require('net').createServer(s => s.pipe(s).on('error', () => {})).listen(+process.argv[1], '0.0.0.0')`

t.test(
  'a cable that is cut takes nothing across, and what was sent arrives when it is mended',
  { skip },
  async t => {
    const network = await Network.open()
    const link = await network.link('here', true)
    const [port] = await freePorts(1)
    const echo = new Part(link.stage, [process.execPath, '-e', ECHO, String(port)], join(t.testdir(), 'log'))
    t.teardown(async () => {
      await echo.kill()
      await network.remove()
    })
    echo.start()
    await echo.listens(port!)
    const socket = connect(port!, link.stage.host)
    t.teardown(() => socket.destroy())
    const answers: string[] = []
    socket.on('data', data => answers.push(String(data)))
    await once(socket, 'connect')
    for (const side of ['stage', 'neighbour'] satisfies Side[]) {
      await link.cut(side)
      socket.write(side)
      await sleep(300)
      t.notOk(answers.includes(side), `cut at the ${side}`)
      await link.mend(side)
      while (!answers.includes(side)) await once(socket, 'data')
    }
    t.equal(echo.numCrashes, 0)
  },
)

t.test('a program is killed, frozen and started again; one that ends by itself is counted', async t => {
  const [port] = await freePorts(1)
  const place = { host: '127.0.0.1', prefix: [] }
  const log = join(t.testdir(), 'log')
  const part = new Part(place, [process.execPath, '-e', ECHO, String(port)], log)
  t.teardown(() => part.kill())
  for (let i = 0; i < 2; i++) {
    part.start()
    await part.listens(port!)
    await part.kill()
  }
  part.start()
  await part.listens(port!)
  part.freeze()
  const socket = connect(port!, place.host, () => socket.write('hello'))
  t.teardown(() => socket.destroy())
  t.equal(await Promise.race([once(socket, 'data'), sleep(200, 'nothing')]), 'nothing')
  part.thaw()
  await once(socket, 'data')
  t.equal(part.numCrashes, 0)
  const short = new Part(place, [process.execPath, '-e', ''], log)
  short.start()
  while (short.numCrashes === 0) await sleep(20)
})
