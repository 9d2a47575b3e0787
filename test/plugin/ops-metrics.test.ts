import t from 'tap'
import { Metrics } from '../../plugin/metrics.js'

const lineOf = async (metrics: Metrics, start: string): Promise<string | undefined> =>
  (await metrics.text()).split('\n').find(line => line.startsWith(start))

t.test('counters are there from the start, and count', async t => {
  const metrics = new Metrics()
  t.equal(await lineOf(metrics, 'logneo_forward_chunks_total '), 'logneo_forward_chunks_total 0')
  metrics.increment('forward_chunks_total')
  metrics.increment('forward_chunks_total', 41)
  t.equal(await lineOf(metrics, 'logneo_forward_chunks_total '), 'logneo_forward_chunks_total 42')
  metrics.increment('forward_broken_streams_invalid_total')
  t.equal(
    await lineOf(metrics, 'logneo_forward_broken_streams_invalid_total '),
    'logneo_forward_broken_streams_invalid_total 1',
    'a name not known beforehand',
  )
})

t.test('two of them do not share anything', async t => {
  const [first, second] = [new Metrics(), new Metrics()]
  first.increment('events_total', 5)
  t.equal(await lineOf(second, 'logneo_events_total '), 'logneo_events_total 0')
})

t.test('labels tell counts apart, up to a bound', async t => {
  const metrics = new Metrics()
  metrics.labelled('anomalies_total', { detector: 'next-key' })
  metrics.labelled('anomalies_total', { detector: 'next-key' }, 2)
  metrics.labelled('sessions_closed_total', { reason: 'idle' })
  t.equal(await lineOf(metrics, 'logneo_anomalies_total{'), 'logneo_anomalies_total{detector="next-key"} 3')
  t.equal(
    await lineOf(metrics, 'logneo_sessions_closed_total{'),
    'logneo_sessions_closed_total{reason="idle"} 1',
  )
  for (let i = 0; i < 1000; i++) metrics.labelled('unscored_total', { reason: `r${i}` })
  metrics.labelled('unscored_total', { reason: 'r0' })
  const series = (await metrics.text()).split('\n').filter(line => line.startsWith('logneo_unscored_total{'))
  t.equal(series.length, 101)
  t.ok(series.includes('logneo_unscored_total{reason="r0"} 2'), 'known ones go on')
  t.ok(series.includes('logneo_unscored_total{reason="other"} 900'))
})

t.test('gauges are read when asked for, and one that fails harms no other', async t => {
  const metrics = new Metrics()
  let sessions = 1
  metrics.gauge('sessions', 'Sessions held.', () => sessions)
  metrics.gauge('broken', 'Fails.', () => {
    throw new Error('no')
  })
  t.equal(await lineOf(metrics, 'logneo_sessions '), 'logneo_sessions 1')
  sessions = 7
  t.equal(await lineOf(metrics, 'logneo_sessions '), 'logneo_sessions 7')
  t.equal(await lineOf(metrics, 'logneo_broken '), 'logneo_broken Nan')
})

t.test('how long chunks took, and the process itself', async t => {
  const metrics = new Metrics()
  metrics.observeChunk(0.004)
  metrics.observeChunk(3)
  t.equal(
    await lineOf(metrics, 'logneo_chunk_seconds_bucket{le="0.005"}'),
    'logneo_chunk_seconds_bucket{le="0.005"} 1',
  )
  t.equal(await lineOf(metrics, 'logneo_chunk_seconds_count'), 'logneo_chunk_seconds_count 2')
  t.ok(await lineOf(metrics, 'process_resident_memory_bytes '))
})
