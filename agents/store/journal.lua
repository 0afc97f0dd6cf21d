-- The journal inside Redis: journal.py and letters.py, function by function. Change both together:
-- a test compares them. A record is one key: a hash while it is open, with a field "turn:version"
-- for each answer; a string once it is settled. Both hold until when they are kept.
-- KEYS[1]: when each worker was seen (sorted set). Then one key for each thing that the page brings:
-- the records of its answers, the ledgers of its letters, the records settled, released, claimed,
-- and running alone.
-- ARGV[1]: JSON of worker, retention_s, the number of keys of each kind, now (null but in tests).
-- Then field and text of each answer; source, replays and "1" or "0" for open of each letter.
-- Returns a text with "settled", "owned", or "deliveries deaths_alone answers" for each claim,
-- parted by commas, then field and text of each answer to those claimed.

local MEMBER_S = 10
local page = cjson.decode(ARGV[1])
local WORKER = page.worker

local function clock()
  if page.now ~= cjson.null then
    return page.now
  end
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1e6
end

local NOW = clock()
local UNTIL = string.format('%d', math.ceil(NOW + page.retention_s))
local LIFE_S = string.format('%d', math.max(1, math.ceil(page.retention_s)))

local function drop(record)
  redis.call('DEL', record)
end

-- "settled", "open" or "unknown". Redis drops what is over by itself; tests have a clock of their own.
local function state(record)
  local kind = redis.call('TYPE', record).ok
  if kind == 'none' then
    return 'unknown'
  end
  local kept = kind == 'string' and redis.call('GET', record) or redis.call('HGET', record, 'until')
  if tonumber(kept) > NOW then
    return kind == 'string' and 'settled' or 'open'
  end
  drop(record)
  return 'unknown'
end

local function put(record, ...)
  redis.call('HSET', record, 'until', UNTIL, ...)
  redis.call('EXPIRE', record, LIFE_S)
end

local function entry(record)
  local row = redis.call('HMGET', record, 'owner', 'deliveries', 'deaths_alone', 'alone')
  return row[1] or '', tonumber(row[2] or 0), tonumber(row[3] or 0), tonumber(row[4] or 0)
end

local function lives(worker)
  local seen = redis.call('ZSCORE', KEYS[1], worker)
  return seen and tonumber(seen) > NOW - MEMBER_S
end

local function keep(record, field, text)
  if state(record) ~= 'settled' then
    put(record, field, text)
  end
end

local function mark(ledger, source, replays, is_open)
  local kept = tonumber(redis.call('HGET', ledger, source) or nil)
  if is_open == '1' then
    if not kept or kept < replays then
      redis.call('HSET', ledger, source, string.format('%d', replays))
    end
  elseif kept and kept <= replays then
    redis.call('HDEL', ledger, source)
  end
end

local function settle(record)
  if state(record) ~= 'settled' then
    redis.call('SET', record, UNTIL, 'EX', LIFE_S)
  end
end

local function answers(record)
  local row, found = redis.call('HGETALL', record), {}
  for i = 1, #row, 2 do
    if string.find(row[i], ':', 1, true) then
      found[#found + 1] = row[i]
      found[#found + 1] = row[i + 1]
    end
  end
  return found
end

local function release(record)
  if state(record) ~= 'open' then
    return
  end
  local owner, deliveries = entry(record)
  if owner ~= WORKER then
    return
  end
  if deliveries > 1 or #answers(record) > 0 then
    put(record, 'owner', '', 'deliveries', deliveries - 1, 'alone', 0)
  else
    drop(record)
  end
end

local function claim(record, reply)
  local known = state(record)
  if known == 'settled' then
    return 'settled'
  end
  local owner, deliveries, deaths_alone, alone = '', 0, 0, 0
  if known == 'open' then
    owner, deliveries, deaths_alone, alone = entry(record)
  end
  if owner ~= '' and owner ~= WORKER and lives(owner) then
    return 'owned'
  end
  if owner ~= WORKER then
    deliveries, deaths_alone = deliveries + 1, deaths_alone + alone
    put(record, 'owner', WORKER, 'deliveries', deliveries, 'deaths_alone', deaths_alone, 'alone', 0)
  end
  local found = known == 'open' and answers(record) or {}
  for _, part in ipairs(found) do
    reply[#reply + 1] = part
  end
  return string.format('%d %d %d', deliveries, deaths_alone, #found / 2)
end

local function mark_alone(record)
  if state(record) == 'open' and entry(record) == WORKER then
    put(record, 'alone', 1)
  end
end

local key, arg = 1, 1

local function next_key()
  key = key + 1
  return KEYS[key]
end

local function next_arg()
  arg = arg + 1
  return ARGV[arg]
end

for _ = 1, page.answers do
  keep(next_key(), next_arg(), next_arg())
end
for _ = 1, page.letters do
  mark(next_key(), next_arg(), tonumber(next_arg()), next_arg())
end
for _ = 1, page.settled do
  settle(next_key())
end
for _ = 1, page.released do
  release(next_key())
end
local claims, reply = {}, { '' }
for _ = 1, page.claims do
  claims[#claims + 1] = claim(next_key(), reply)
end
for _ = 1, page.alone do
  mark_alone(next_key())
end
reply[1] = table.concat(claims, ',')
return reply
