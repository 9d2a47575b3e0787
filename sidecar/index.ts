export { SidecarClient } from './client.js'
export {
  ListenError,
  ProtocolError,
  RefusedError,
  SidecarError,
  SidecarOptionsError,
  UnavailableError,
} from './errors.js'
export { type HealthOptions, HealthServer } from './health.js'
export { SidecarMetrics } from './metrics.js'
export type { SidecarClientOptions, SidecarServerOptions, SidecarState } from './options.js'
export {
  type BundleNotice,
  ERROR_CODES,
  type ErrorCode,
  type ErrorReply,
  type HelloReply,
  type HelloRequest,
  PROTOCOL_VERSION,
  type ScoreReply,
  type ScoreRequest,
  type StatsReply,
  type StatsRequest,
} from './protocol.js'
export { RemoteScorer, type RemoteScorerOptions } from './remote-scorer.js'
export { type ServerObserver, SidecarServer } from './server.js'
