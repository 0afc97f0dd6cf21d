-- Who is alive, and what all have in common.
-- KEYS: when each worker was seen (sorted set), what each reported (hash), nano-dollars spent by
-- day (hash), the resets of breakers (hash), the open letters of each class (hashes).
-- ARGV: the worker ("" only reads), its report ("" leaves), its spending, the time (tests only).
-- Returns the spending of the day, the resets, the number of open letters in each class, and worker
-- and report of each who is alive.

local SEEN, REPORTS, SPENT, RESETS, LETTERS = KEYS[1], KEYS[2], KEYS[3], KEYS[4], 5
local WORKER, REPORT, NANOUSD = ARGV[1], ARGV[2], ARGV[3]
local MEMBER_S = 10
local DAY_S = 86400
local KEEP_WORKERS_S, KEEP_SPENT_S = 3600, 2 * DAY_S

local function clock()
  if ARGV[4] then
    return tonumber(ARGV[4])
  end
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1e6
end

local function forget(worker)
  redis.call('ZREM', SEEN, worker)
  redis.call('HDEL', REPORTS, worker)
end

-- A clock that went back must not keep the dead alive until it is where it was.
local function clamp(now)
  local ahead = redis.call('ZRANGEBYSCORE', SEEN, string.format('(%.17g', now), '+inf')
  for _, worker in ipairs(ahead) do
    redis.call('ZADD', SEEN, string.format('%.17g', now), worker)
  end
end

local function beat(now, today)
  clamp(now)
  redis.call('ZADD', SEEN, string.format('%.17g', now), WORKER)
  redis.call('HSET', REPORTS, WORKER, REPORT)
  local silent = string.format('%.17g', now - MEMBER_S)
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', SEEN, '-inf', silent)) do
    forget(worker)
  end
  if redis.call('HEXISTS', SPENT, today) == 0 then
    redis.call('DEL', SPENT)
  end
  redis.call('HINCRBY', SPENT, today, NANOUSD)
  redis.call('EXPIRE', SEEN, KEEP_WORKERS_S)
  redis.call('EXPIRE', REPORTS, KEEP_WORKERS_S)
  redis.call('EXPIRE', SPENT, KEEP_SPENT_S)
end

local now = clock()
local today = string.format('%d', math.floor(now / DAY_S))
if WORKER ~= '' and REPORT == '' then
  forget(WORKER)
elseif WORKER ~= '' then
  beat(now, today)
end
local counts = {}
for number = LETTERS, #KEYS do
  counts[#counts + 1] = redis.call('HLEN', KEYS[number])
end
local alive = {}
local silent = string.format('(%.17g', now - MEMBER_S)
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', SEEN, silent, '+inf')) do
  local report = redis.call('HGET', REPORTS, worker)
  if report then
    alive[#alive + 1] = worker
    alive[#alive + 1] = report
  end
end
return { redis.call('HGET', SPENT, today) or '0', redis.call('HGETALL', RESETS), counts, alive }
