import type { TargetEntry } from './target.js'
import { bundle, safetensors } from './targets/bundle.js'
import { gzipChunk, zstdChunk } from './targets/compressed.js'
import { configFile } from './targets/config.js'
import { drainLine, drainSnapshot, headerLine, pattern } from './targets/drain.js'
import { forwardFrame, forwardHandshake, forwardStream } from './targets/forward.js'
import { exactJson, httpBody, httpRequest } from './targets/http.js'
import { bulkAnswer, kafkaValue } from './targets/kafka.js'
import { msgpackFrames, msgpackRecord } from './targets/msgpack.js'
import { sidecarReply, sidecarRequest } from './targets/sidecar.js'
import { positions, replayFile, stateDirectory } from './targets/state.js'
import { storedSession, storedVerdicts } from './targets/store.js'

/** All that reads bytes from outside. */
export const TARGETS: readonly TargetEntry[] = [
  { name: 'msgpack-frames', share: 60, open: msgpackFrames },
  { name: 'msgpack-record', share: 200, open: msgpackRecord },
  { name: 'forward-frame', share: 250, open: forwardFrame },
  { name: 'forward-handshake', share: 50, open: forwardHandshake },
  { name: 'forward-stream', share: 30, open: forwardStream },
  { name: 'gzip', share: 10, open: gzipChunk },
  { name: 'zstd', share: 20, open: zstdChunk },
  { name: 'sidecar-request', share: 200, open: sidecarRequest },
  { name: 'sidecar-reply', share: 50, open: sidecarReply },
  { name: 'http-body', share: 50, open: httpBody },
  { name: 'http-request', share: 50, open: httpRequest },
  { name: 'exact-json', share: 50, open: exactJson },
  { name: 'kafka-value', share: 50, open: kafkaValue },
  { name: 'bulk-answer', share: 50, open: bulkAnswer },
  { name: 'config', share: 1, open: configFile },
  { name: 'safetensors', share: 20, open: safetensors },
  { name: 'bundle', share: 1, open: bundle },
  { name: 'drain-line', share: 50, open: drainLine },
  { name: 'drain-snapshot', share: 10, open: drainSnapshot },
  { name: 'header-line', share: 20, open: headerLine },
  { name: 'pattern', share: 10, open: pattern },
  { name: 'state', share: 5, open: stateDirectory },
  { name: 'replay', share: 3, open: replayFile },
  { name: 'positions', share: 3, open: positions },
  { name: 'stored-session', share: 50, open: storedSession },
  { name: 'stored-verdicts', share: 50, open: storedVerdicts },
]

export function findTarget(name: string): TargetEntry | undefined {
  return TARGETS.find(target => target.name === name)
}
