import { TRACE_NAMES, type TraceName } from './traces.js'

/** How lines that belong together are told. */
export interface JoinOptions {
  /** Whether pieces of lines that a container runtime broke (CRI, Docker) are joined before they are judged. Default true. */
  readonly partial?: boolean
  /** Languages whose traces belong to the line before them. Default all that are known. */
  readonly traces?: readonly TraceName[]
  /** A pattern: an event begins with each line that it matches, and all others go on with it. Takes the place of `traces`. */
  readonly start?: string
  /** Fields that, beside the tag and the origin of the chunk, tell programs apart; dotted paths. */
  readonly streamFields?: readonly string[]
  /** Lines that may belong to one event; the next begins another. Default 500. */
  readonly maxLines?: number
  /** Characters of a line put together from pieces; what is beyond is not judged. Default 65,536. */
  readonly maxLength?: number
  /** How long the first pieces of a line wait for the last one, in milliseconds; then they are judged alone. Default 2,000. */
  readonly timeoutMs?: number
  /** Programs whose latest line is remembered; the one longest silent is forgotten. Default 10,000. */
  readonly maxStreams?: number
}

export type ResolvedJoinOptions = Required<Omit<JoinOptions, 'start'>> & Pick<JoinOptions, 'start'>

export const DEFAULT_JOIN_OPTIONS: ResolvedJoinOptions = Object.freeze({
  partial: true,
  traces: TRACE_NAMES,
  streamFields: Object.freeze([
    'stream',
    'kubernetes.pod_id',
    'kubernetes.pod_name',
    'kubernetes.container_name',
    'container_id',
    'file',
    'host',
    'hostname',
  ]),
  maxLines: 500,
  maxLength: 65_536,
  timeoutMs: 2000,
  maxStreams: 10_000,
})
