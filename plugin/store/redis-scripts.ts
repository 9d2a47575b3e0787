import { createHash } from 'node:crypto'

/** A Lua script that Redis runs as one step. */
export interface Script {
  readonly text: string
  /** By which Redis knows it once it has run. */
  readonly sha1: string
}

function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}

/*
 * Values of sessions and chunks begin with the 8 bytes of the commit that wrote them: that is the version which the next commit compares, and by
 * which a commit that is sent twice, as its answer was lost, knows itself.
 *
 * Sorted sets: `due` by the event time at which an id is idle, `touched` by the wall clock at its latest line, `outbox` by when the summaries of
 * sessions that nobody's chunk closed are to be taken up by somebody else. `clocks` holds each replica's event clock.
 */

/**
 * Loads what a batch needs, as of one moment.
 *
 * KEYS: due, touched, clocks, seq, chunks..., logs..., sessions...
 * ARGV: key of a session less its member, wall clock, replica, event clock ('' for none), age from which a replica's clock no longer counts, sessions
 * at most, others at most, number of chunks, number of logs, wall clock up to which ids count as silent ('' for none), of each log the position from
 * which on its pieces are wanted, members of the sessions...
 * Returns: seq, sessions held, values of the chunks, of each log values of its pieces, values of the sessions, members and values of others: due,
 * silent, or in the way.
 */
export const LOAD = script(`
local numFixed = 4
local wall, replica, limit = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[7])
local numChunks, numLogs, silent = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]
local numBefore = numFixed + numChunks + numLogs

local function values(first, last)
  local found = {}
  for from = first, last, 500 do
    local part = redis.call('MGET', unpack(KEYS, from, math.min(from + 499, last)))
    for i = 1, #part do found[#found + 1] = part[i] end
  end
  return found
end

local function watermark()
  local mark = tonumber(ARGV[4])
  local clocks = redis.call('HGETALL', KEYS[3])
  for i = 1, #clocks, 2 do
    local at, seen = string.match(clocks[i + 1], '^(%S+) (%S+)$')
    if at == nil or wall - tonumber(seen) > tonumber(ARGV[5]) then
      redis.call('HDEL', KEYS[3], clocks[i])
    elseif clocks[i] ~= replica then
      mark = math.min(mark, tonumber(at))
    end
  end
  return mark
end

local function pieces(key, from)
  local found = {}
  for _, first in ipairs(redis.call('ZRANGEBYSCORE', key, from, '+inf', 'LIMIT', 0, limit)) do
    local value = redis.call('GET', key .. ':' .. first)
    if value then found[#found + 1] = value end
  end
  return found
end

local chunks = values(numFixed + 1, numFixed + numChunks)
local logs = {}
for i = 1, numLogs do logs[i] = pieces(KEYS[numFixed + numChunks + i], ARGV[10 + i]) end
local sessions = values(numBefore + 1, #KEYS)
local isWanted, numMissing = {}, 0
for i = 1, #sessions do
  isWanted[ARGV[10 + numLogs + i]] = true
  if not sessions[i] then numMissing = numMissing + 1 end
end

local others = {}
local function add(members)
  for _, member in ipairs(members) do
    if not isWanted[member] then
      isWanted[member] = true
      local value = redis.call('GET', ARGV[1] .. member)
      if value then
        others[#others + 1] = member
        others[#others + 1] = value
      else
        redis.call('ZREM', KEYS[1], member)
        redis.call('ZREM', KEYS[2], member)
      end
    end
  end
end

if ARGV[4] ~= '' then
  local mark = string.format('(%.17g', watermark())
  add(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', mark, 'LIMIT', 0, limit))
end
if silent ~= '' then
  add(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. silent, 'LIMIT', 0, limit))
end
local numHeld = redis.call('ZCARD', KEYS[2])
local excess = numHeld + numMissing - tonumber(ARGV[6])
if excess > 0 then add(redis.call('ZRANGE', KEYS[2], 0, math.min(excess, limit) - 1)) end
return { tonumber(redis.call('GET', KEYS[4]) or '0'), numHeld, chunks, logs, sessions, others }
`)

/**
 * Writes what a batch changed, all of it or nothing.
 *
 * KEYS: due, touched, clocks, seq, outbox, chunks..., sessions...
 * ARGV: version, wall clock, replica, event clock ('' for none), ms that chunks are remembered, ms after which all expires, number of chunks, name to
 * enter in the outbox ('' for none), when it is to be taken up, then of each chunk: value, key of its log and positions of its first and last line
 * ('' for none); of each session: member, version expected ('' for none), value ('' to delete), when it is due, when it was touched.
 * Returns: 1 when it is written, by this call or one before, 0 when a session changed or a chunk was judged meanwhile; sessions then held.
 */
export const COMMIT = script(`
local numFixed, numArgs, maxPieces = 5, 9, 10000
local version, wall, ttl, numChunks = ARGV[1], ARGV[2], ARGV[6], tonumber(ARGV[7])
local numSessions = #KEYS - numFixed - numChunks
local function chunkAt(i) return numArgs + (i - 1) * 4 end
local function sessionAt(i) return numArgs + numChunks * 4 + (i - 1) * 5 end

local function answer(isDone)
  return { isDone, redis.call('ZCARD', KEYS[2]) }
end

local isChanged = false
for i = 1, numChunks do
  local found = redis.call('GETRANGE', KEYS[numFixed + i], 0, 7)
  if found == version then return answer(1) end
  if found ~= '' then isChanged = true end
end
for i = 1, numSessions do
  local found = redis.call('GETRANGE', KEYS[numFixed + numChunks + i], 0, 7)
  if found == version then return answer(1) end
  if found ~= ARGV[sessionAt(i) + 2] then isChanged = true end
end
if isChanged then return answer(0) end

for i = 1, numChunks do
  local at = chunkAt(i)
  local log = ARGV[at + 2]
  redis.call('SET', KEYS[numFixed + i], ARGV[at + 1], 'PX', ARGV[5])
  if log ~= '' then
    redis.call('ZADD', log, ARGV[at + 4], ARGV[at + 3])
    redis.call('ZREMRANGEBYRANK', log, 0, -maxPieces - 1)
    redis.call('PEXPIRE', log, ARGV[5])
  end
end
for i = 1, numSessions do
  local key, at = KEYS[numFixed + numChunks + i], sessionAt(i)
  local member, value = ARGV[at + 1], ARGV[at + 3]
  if value ~= '' then
    redis.call('SET', key, value, 'PX', ttl)
    redis.call('ZADD', KEYS[1], ARGV[at + 4], member)
    redis.call('ZADD', KEYS[2], ARGV[at + 5], member)
  elseif ARGV[at + 2] ~= '' then
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[1], member)
    redis.call('ZREM', KEYS[2], member)
  end
end
redis.call('INCR', KEYS[4])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[3], ARGV[3], ARGV[4] .. ' ' .. wall) end
if ARGV[8] ~= '' then redis.call('ZADD', KEYS[5], ARGV[9], ARGV[8]) end
for i = 1, numFixed do redis.call('PEXPIRE', KEYS[i], ttl) end
return answer(1)
`)

/**
 * Takes up summaries that nobody delivered in time.
 *
 * KEYS: outbox. ARGV: key of a chunk less its name, wall clock, when they are to be taken up again, how many at most.
 * Returns: names and values.
 */
export const RETAKE = script(`
local found = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, ARGV[4])) do
  local value = redis.call('GET', ARGV[1] .. name)
  if value then
    redis.call('ZADD', KEYS[1], ARGV[3], name)
    found[#found + 1] = name
    found[#found + 1] = value
  else
    redis.call('ZREM', KEYS[1], name)
  end
end
return found
`)

/**
 * Keeps summaries that are being delivered from being taken up by somebody else, and from being forgotten.
 *
 * KEYS: outbox, chunk. ARGV: name, when they are to be taken up, ms that the chunk is remembered.
 */
export const RENEW = script(`
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return redis.call('PEXPIRE', KEYS[2], ARGV[3])
`)

/** Notes that summaries were delivered. KEYS: outbox, chunk. ARGV: name. */
export const SETTLE = script(`
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('DEL', KEYS[2])
`)
