-- The arithmetic of pool.py inside Redis, function by function. Change both together: a test
-- compares them. The script is pool_terms.lua (stock.py and terms.py), pool_line.lua (line.py) and
-- this file, one after the other.
-- Lists start at 1 here, so a priority p stands at p + 1.
-- KEYS[1]: the pool. ARGV[1]: the ask as JSON. ARGV[2]: the time, given by tests only.
-- Returns the lease as JSON.

local function first(ask, now)
  local bursts_s = {}
  for u = 1, 3 do
    bursts_s[u] = MAX(ask.bursts_s[u], FIRST_BURST_S)
  end
  local pool = {
    at = now, levels = nothing(), heard = ask.known, bursts_s = bursts_s,
    probing = not any(ask.rules.ceilings) and not any(ask.known),
    charged = nothing(), heard_at = 0,
    gaps = far(), gaps_since = now, closed_until = 0, closed_for = 'rate_limit',
    closings = 0, prober = '', probe_until = 0, pace = 1, slope = RAMP_SLOPE,
    flows = _classes(), saved = _classes(), members = {},
  }
  if ask.fresh then
    local terms = Terms.of(pool, ask)
    for u = 1, 3 do
      pool.levels[u] = terms.limits[u] ~= 0 and FIRST_STOCK * terms.capacities[u] or 0
    end
  end
  return pool
end

local function _refill(pool, ask, passed_s)
  local terms = Terms.of(pool, ask)
  local waiting = {}
  for _, head in ipairs(heads(pool, '')) do
    waiting[head[1]] = true
  end
  for u = 1, 3 do
    local gained = passed_s * terms.rates[u]
    for priority = 0, PRIORITIES - 1 do
      local saved = pool.saved[priority + 1]
      if not waiting[priority] then
        gained, saved[u] = gained + saved[u], 0
      elseif priority ~= 0 then
        local most = MOST_SAVED * terms.capacities[u] - terms.saved[u]
        local part = MIN(passed_s * terms.rates[u] * ask.rules.floors[priority + 1], most)
        if part > 0 then
          saved[u] = saved[u] + part
          gained = gained - part
        end
      end
    end
    local top = terms.capacities[u] - total(pool.saved, u)
    pool.levels[u] = MIN(top, pool.levels[u] + gained)
  end
end

local function _advance(pool, ask, now)
  local back_s = pool.at - now
  if back_s > 0 then
    pool.closed_until = pool.closed_until - back_s
    pool.probe_until = pool.probe_until - back_s
    pool.heard_at = pool.heard_at - back_s
    pool.gaps_since = pool.gaps_since - back_s
    for _, member in pairs(pool.members) do
      member.seen = member.seen - back_s
    end
  end
  local passed_s = MAX(0, -back_s)
  pool.at = now
  pool.pace = MIN(1, pool.pace + passed_s * pool.slope)
  if pool.pace == 1 then
    pool.slope = RAMP_SLOPE
  end
  _refill(pool, ask, passed_s)
  local fading = math.exp(-passed_s / FLOW_S)
  for p = 1, PRIORITIES do
    for u = 1, 3 do
      pool.flows[p][u] = pool.flows[p][u] * fading
    end
  end
  if ask.resync then
    for u = 1, 3 do
      pool.levels[u] = MIN(pool.levels[u], 0)
    end
  end
  for worker, member in pairs(pool.members) do
    if now - member.seen >= MEMBER_S then
      pool.members[worker] = nil
    end
  end
end

local function _settle(pool, ask)
  for priority, taken in ipairs(ask.taken) do
    for u = 1, 3 do
      pool.flows[priority][u] = pool.flows[priority][u] + taken[u]
    end
  end
  local tops = Terms.of(pool, ask).tops
  for u = 1, 3 do
    pool.charged[u] = pool.charged[u] - ask.returned[u]
    pool.levels[u] = MIN(tops[u], pool.levels[u] + ask.returned[u])
  end
end

local function _adopt(pool, ask, told, u)
  local limit = told.limits[u]
  local before = pool.heard[u] ~= 0 and pool.heard[u] or ask.rules.ceilings[u]
  pool.heard[u] = limit
  if before == 0 then
    local left = MAX(0, told.remaining[u] - ROUNDING[u])
    pool.levels[u] = MIN(FIRST_STOCK * left, Terms.of(pool, ask).tops[u])
  elseif pool.levels[u] > 0 then
    pool.levels[u] = pool.levels[u] * MIN(1, limit / before)
  end
end

local function _correct(pool, ask, told, u)
  _adopt(pool, ask, told, u)
  local rate = told.limits[u] / MINUTE_S
  local ceiling = ask.rules.ceilings[u]
  local ours_is_lower = 0 < ceiling and ceiling < told.limits[u]
  local since = MAX(0, pool.charged[u] - told.mark[u])
  local low = told.remaining[u] - ROUNDING[u]
  local burst_s = MIN(low / rate, MINUTE_S)
  if burst_s > pool.bursts_s[u] and not ours_is_lower then
    local grown = (burst_s - pool.bursts_s[u]) * rate * ask.share * pool.pace
    pool.levels[u] = pool.levels[u] + grown
    pool.bursts_s[u] = burst_s
  end
  local high = told.remaining[u] + ROUNDING[u] + rate * told.age_s - since
  pool.levels[u] = MIN(pool.levels[u], high)
  if u < 3 and not ours_is_lower and ask.share == 1 then
    pool.gaps[u] = MIN(pool.gaps[u], low - since - pool.levels[u])
  end
end

local function _raise(pool, ask)
  if pool.at - pool.gaps_since < RAISE_S then
    return
  end
  local tops = Terms.of(pool, ask).tops
  for u = 1, 3 do
    if 0 < pool.gaps[u] and pool.gaps[u] < FAR then
      pool.levels[u] = MIN(tops[u], pool.levels[u] + pool.gaps[u])
    end
  end
  pool.gaps, pool.gaps_since = far(), pool.at
end

local function _hear(pool, ask)
  for _, told in ipairs(ask.told) do
    local sent_at = pool.at - told.age_s
    if sent_at >= pool.heard_at then
      pool.heard_at = sent_at
      if pool.gaps[1] == FAR and pool.gaps[2] == FAR and pool.gaps[3] == FAR then
        pool.gaps_since = pool.at
      end
      for u = 1, 3 do
        if told.limits[u] ~= 0 then
          _correct(pool, ask, told, u)
        end
      end
      _raise(pool, ask)
    end
  end
end

local function _slow_down(pool, ask)
  local limits = Terms.of(pool, ask).limits
  local most
  for u = 1, 3 do
    if limits[u] ~= 0 then
      most = MAX(most or 0, total(pool.flows, u) / FLOW_S / (limits[u] / MINUTE_S))
    end
  end
  pool.pace = MAX(LEAST_PACE, MIN(pool.pace, RAMP_CUT * (most or 1)))
  pool.slope = pool.slope / 2
end

local function _shut(pool, seconds, reason)
  if pool.at + seconds >= pool.closed_until then
    pool.closed_until, pool.closed_for = pool.at + seconds, reason
  end
  pool.probing, pool.prober = true, ''
  pool.closings = pool.closings + 1
end

local function _close(pool, ask)
  if ask.probe ~= '' and ask.probe_of == pool.closings then
    if ask.probe == 'answered' then
      pool.probing, pool.prober = false, ''
    elseif pool.prober == ask.worker then
      pool.prober = ''
    end
  end
  if ask.closed_s > MAX(0, pool.closed_until - pool.at) + CLOSED_SLACK_S then
    _shut(pool, ask.closed_s, ask.closed_for)
  end
  local closing = ask.closing
  if closing ~= cjson.null then
    _shut(pool, closing.seconds, closing.reason)
    if closing.ramp then
      _slow_down(pool, ask)
    end
  end
end

local function _member(pool, ask)
  local member = { seen = pool.at, holds = nothing(), heads = {} }
  pool.members[ask.worker] = member
  return member
end

local function _held(pool, u)
  local sum = 0
  for _, member in pairs(pool.members) do
    sum = sum + member.holds[u]
  end
  return sum
end

local function _ahead(pool, terms, ask, member)
  local members = 0
  for _ in pairs(pool.members) do
    members = members + 1
  end
  if #heads(pool, '') > 0 or pool.probing or pool.closed_until > pool.at then
    return nothing()
  end
  local part = 1
  for u = 1, 3 do
    if terms.limits[u] ~= 0 and ask.ahead[u] > 0 then
      local spare = pool.levels[u] - terms.cushions[u] - terms.keeps[PRIORITIES + 1][u]
      part = MIN(part, spare / 2 / members / ask.ahead[u])
    end
  end
  if part <= 0 then
    return nothing()
  end
  for u = 1, 3 do
    member.holds[u] = part * ask.ahead[u]
    pool.charged[u] = pool.charged[u] + member.holds[u]
    pool.levels[u] = pool.levels[u] - member.holds[u]
  end
  return member.holds
end

local function exchange(pool, ask, now)
  _advance(pool, ask, now)
  _settle(pool, ask)
  _hear(pool, ask)
  _close(pool, ask)
  local terms = Terms.of(pool, ask)
  local member = _member(pool, ask)
  local mark, capacities = {}, {}
  for u = 1, 3 do
    mark[u] = pool.charged[u] - _held(pool, u)
    capacities[u] = terms.capacities[u] < INF and terms.capacities[u] or 0
  end
  local granted, look_again_s = grant(pool, terms, ask, member)
  local ahead = _ahead(pool, terms, ask, member)
  return {
    granted = granted, ahead = ahead, mark = mark, levels = pool.levels, limits = terms.limits,
    capacities = capacities, known = pool.heard, bursts_s = pool.bursts_s,
    look_again_s = look_again_s, closed_s = MAX(0, pool.closed_until - pool.at),
    closed_for = pool.closed_for, probing = pool.probing,
    closings = pool.closings,
  }
end

local function number(value)
  return string.format('%.17g', value)
end

local function amounts(values)
  return '[' .. number(values[1]) .. ',' .. number(values[2]) .. ',' .. number(values[3]) .. ']'
end

local AMOUNTS = { 'ahead', 'mark', 'levels', 'limits', 'capacities', 'known', 'bursts_s' }

-- cjson keeps 14 digits of a number and writes an empty list as an object.
local function json(lease)
  local parts = {}
  for _, name in ipairs(AMOUNTS) do
    parts[#parts + 1] = '"' .. name .. '":' .. amounts(lease[name])
  end
  local look_again_s = lease.look_again_s and number(lease.look_again_s) or 'null'
  parts[#parts + 1] = '"granted":[' .. table.concat(lease.granted, ',') .. ']'
  parts[#parts + 1] = '"look_again_s":' .. look_again_s
  parts[#parts + 1] = '"closed_s":' .. number(lease.closed_s)
  parts[#parts + 1] = '"closed_for":' .. cjson.encode(lease.closed_for)
  parts[#parts + 1] = '"probing":' .. tostring(lease.probing)
  parts[#parts + 1] = '"closings":' .. lease.closings
  return '{' .. table.concat(parts, ',') .. '}'
end

local function clock()
  if ARGV[2] then
    return tonumber(ARGV[2])
  end
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1e6
end

local ask, now = cjson.decode(ARGV[1]), clock()
local kept = redis.call('GET', KEYS[1])
local pool = kept and cmsgpack.unpack(kept) or first(ask, now)
local lease = exchange(pool, ask, now)
redis.call('SET', KEYS[1], cmsgpack.pack(pool), 'EX', KEEP_S)
return json(lease)
