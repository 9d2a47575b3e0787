import { ProtocolError } from './errors.js'
import type { HelloReply, ScoreReply } from './protocol.js'

type Message = Readonly<Record<string, unknown>>

/** @throws ProtocolError if it is no reply to `hello` */
export function checkHello(reply: Message): HelloReply {
  const { bundle, server, maxEvents, maxFrameBytes, vocabularySize, contextLength } = reply
  const isRight =
    typeof bundle === 'string' &&
    typeof server === 'string' &&
    [maxEvents, maxFrameBytes, vocabularySize, contextLength].every(isCount)
  if (isRight) return reply as unknown as HelloReply
  throw new ProtocolError('the reply to hello lacks what the protocol says')
}

/** @throws ProtocolError if it is not what `numEvents` events are answered */
export function checkScores(reply: Message, numEvents: number): ScoreReply {
  const { surprise, rank, rarity, expected, probability } = reply
  const isRight =
    [surprise, rank, rarity].every(list => isListOf(list, numEvents, isNumber)) &&
    [expected, probability].every(list => isListOf(list, numEvents, isNumbers))
  if (isRight) return reply as unknown as ScoreReply
  throw new ProtocolError(`the reply does not answer ${numEvents} events`)
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0
const isNumber = (value: unknown): boolean => typeof value === 'number' && !Number.isNaN(value)
const isNumbers = (value: unknown): boolean => Array.isArray(value) && value.every(isNumber)

const isListOf = (list: unknown, length: number, isRight: (item: unknown) => boolean): boolean =>
  Array.isArray(list) && list.length === length && list.every(isRight)
