/** The pipelines that chaos is brought upon; apart from what they are made of, which the command line need not load. */
export const TOPOLOGIES = ['forward', 'sidecar', 'redis', 'kafka'] as const
export type TopologyName = (typeof TOPOLOGIES)[number]
