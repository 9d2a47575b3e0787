import { FieldLayout } from './field-layout.js'
import { IsoLayout } from './iso-layout.js'
import { JsonLayout } from './json-layout.js'
import type { Layout } from './layout.js'
import { PostgresLayout } from './postgres-layout.js'
import { Syslog5424Layout } from './syslog-layout.js'
import type { TimeReader } from './time-reader.js'

/** Layouts by name in the notation of the field; of several, the first that fits a line counts. */
const NOTATIONS = {
  cri: ['<Time> <Stream> <Flags> <Content>'],
  bgl: ['<Label> <Timestamp> <Date> <Node> <Time> <NodeRepeat> <Type> <Component> <Level> <Content>'],
  thunderbird: [
    '<Label> <Timestamp> <Date> <User> <Month> <Day> <Time> <Location> <Component>(\\[<PID>\\])?: <Content>',
    '<Label> <Timestamp> <Date> <User> <Month> <Day> <Time> <Location> <Content>',
  ],
  zookeeper: ['<Date> <Time> - <Level> [<Node>:<Component>@<Id>] - <Content>'],
  hadoop: ['<Date> <Time> <Level> [<Process>] <Component>: <Content>'],
  openstack: [
    '<Logrecord> <Date> <Time> <Pid> <Level> <Component> [<ADDR>] <Content>',
    '<Date> <Time> <Pid> <Level> <Component> [<ADDR>] <Content>',
  ],
  hdfs: ['<Date> <Time> <Pid> <Level> <Component>: <Content>'],
  spark: ['<Date> <Time> <Level> <Component>: <Content>'],
  android: ['<Date> <Time> <Pid> <Tid> <Level> <Component>: <Content>'],
  apache: ['[<Time>] [<Level>] <Content>'],
  windows: ['<Date> <Time>, <Level> <Component> <Content>'],
  healthapp: ['<Time>|<Component>|<Pid>|<Content>'],
  proxifier: ['[<Time>] <Program> - <Content>'],
  hpc: ['<LogId> <Node> <Component> <State> <Timestamp> <Flag> <Content>'],
  syslog: [
    '(\\<<Priority>\\>)?<Month> <Date> <Time> <Host> <Component>(\\[<PID>\\])?: <Content>',
    '(\\<<Priority>\\>)?<Month> <Date> <Time> <Host> <Content>',
  ],
} as const

export const LAYOUT_NAMES = [
  'json',
  'syslog5424',
  'cri',
  'bgl',
  'thunderbird',
  'zookeeper',
  'hadoop',
  'openstack',
  'postgresql',
  'android',
  'hdfs',
  'spark',
  'apache',
  'windows',
  'healthapp',
  'proxifier',
  'hpc',
  'syslog',
  'iso',
] as const

/** Names of the built-in layouts, those that ask more of a line before those that ask less. */
export type LayoutName = (typeof LAYOUT_NAMES)[number]

export function isLayoutName(name: string): name is LayoutName {
  return (LAYOUT_NAMES as readonly string[]).includes(name)
}

/** The layouts to try on a line, in order. */
export function makeLayouts(name: LayoutName, time: TimeReader): readonly Layout[] {
  switch (name) {
    case 'json':
      return [new JsonLayout(time)]
    case 'iso':
      return [new IsoLayout(time)]
    case 'postgresql':
      return [new PostgresLayout(time)]
    case 'syslog5424':
      return [new Syslog5424Layout(time)]
    default:
      return NOTATIONS[name].map(notation => new FieldLayout(notation, time))
  }
}
