import t from 'tap'
import { TimeLeft } from '../../plugin/cli/time-left.js'

t.test('at an even speed the estimate is right from the first seconds on', async t => {
  const left = new TimeLeft()
  t.equal(left.update(0, 1000, 100), undefined, 'nothing is known yet')
  for (let second = 0.1; second < 50; second += 0.1) {
    const seconds = left.update(10 * second, 1000, 100 + second)
    if (second < 1.4) t.equal(seconds, undefined)
    else if (second > 1.6) t.ok(Math.abs(seconds! - (100 - second)) < 2, `${second}: ${seconds}`)
  }
})

t.test('it follows a change of speed, and pauses do not upset it', async t => {
  const left = new TimeLeft()
  let done = 0
  for (let second = 0; second < 60; second++) left.update((done += 10), 10_000, second)
  for (let second = 60; second < 120; second++) left.update((done += 20), 10_000, second)
  const fast = left.update(done, 10_000, 119.1)!
  t.ok(Math.abs(fast - (10_000 - done) / 20) < 0.1 * fast, `${fast}`)
  const afterPause = left.update((done += 20), 10_000, 123)!
  t.ok(afterPause < 1.4 * fast, `${afterPause} after a pause of 4 s, ${fast} before`)
})

t.test('work that turns out not to be needed shortens it at once', async t => {
  const left = new TimeLeft()
  for (let second = 0; second <= 10; second++) left.update(10 * second, 1000, second)
  t.match(left.update(110, 160, 11), 5)
  t.equal(left.update(160, 160, 12), 0)
})
