-- Who of those waiting may go: second part of the pool's script (see pool.lua).

local function heads(pool, but)
  local heads = {}
  for worker, member in pairs(pool.members) do
    if worker ~= but and pool.at - member.seen < WAITING_S then
      for _, head in ipairs(member.heads) do
        heads[#heads + 1] = head
      end
    end
  end
  table.sort(heads, function(a, b)
    return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2])
  end)
  return heads
end

local function take(pool, priority, need, own)
  for u = 1, 3 do
    pool.charged[u] = pool.charged[u] + need[u]
    pool.flows[priority + 1][u] = pool.flows[priority + 1][u] + need[u]
    local from_saved = MIN(own[u], need[u])
    pool.saved[priority + 1][u] = pool.saved[priority + 1][u] - from_saved
    pool.levels[u] = pool.levels[u] - (need[u] - from_saved)
  end
end

local function _capped(terms, priority, need, u)
  local most = terms.tops[u] - terms.cushions[u] - terms.keeps[priority + 1][u]
  return MIN(need, MAX(0, most))
end

local function _plus(ahead, terms, priority, need)
  local sum = {}
  for u = 1, 3 do
    sum[u] = ahead[u] + _capped(terms, priority, need[u], u)
  end
  return sum
end

local function _wait_s(pool, terms, ask, want, ahead, own)
  local wait_s = 0
  local floor = ask.rules.floors[want.priority + 1]
  for u = 1, 3 do
    if terms.limits[u] ~= 0 then
      local rate = terms.rates[u]
      local need = _capped(terms, want.priority, want.need[u], u)
      local debt = MAX(0, -pool.levels[u])
      local kept = terms.cushions[u] + terms.keeps[want.priority + 1][u]
      local stock = pool.levels[u] - kept - ahead[u]
      local missing = need - MAX(0, own[u] - debt) - MAX(0, stock)
      if missing > rate * HAIR then
        local by_refill = (need - own[u] - stock) / rate
        local saved_enough = MIN(need, MOST_SAVED * terms.capacities[u]) - own[u]
        local by_floor = floor ~= 0 and saved_enough / (rate * floor) or INF
        if MAX(saved_enough, debt) > rate * HAIR or want.priority == 0 then
          wait_s = MAX(wait_s, MIN(by_refill, MAX(by_floor, debt / rate)))
        end
      end
    end
  end
  return wait_s
end

local function _wait(ask, member, wait_s, first)
  local seen, waits = {}, nil
  for position = first, #ask.wants do
    local want = ask.wants[position]
    if not seen[want.priority] then
      seen[want.priority], waits = true, wait_s
      table.insert(member.heads, { want.priority, want.deadline, want.need })
    end
  end
  return waits
end

local function _probe(pool, terms, ask, member)
  if pool.prober ~= '' and pool.at < pool.probe_until then
    return {}, _wait(ask, member, pool.probe_until - pool.at, 1)
  end
  local want = ask.wants[1]
  if not want then
    return {}, nil
  end
  local own = { unpack(pool.saved[want.priority + 1]) }
  local wait_s = _wait_s(pool, terms, ask, want, nothing(), own)
  if wait_s > 0 then
    return {}, _wait(ask, member, wait_s, 1)
  end
  take(pool, want.priority, want.need, own)
  pool.prober, pool.probe_until = ask.worker, pool.at + PROBE_S
  return { 0 }, _wait(ask, member, PROBE_S, 2)
end

local function grant(pool, terms, ask, member)
  if pool.closed_until > pool.at then
    return {}, _wait(ask, member, pool.closed_until - pool.at, 1)
  end
  if pool.probing then
    return _probe(pool, terms, ask, member)
  end
  local granted, look, blocked, claimed, ahead = {}, nil, {}, {}, nothing()
  local others, other = heads(pool, ask.worker), 1
  for position, want in ipairs(ask.wants) do
    if not blocked[want.priority] then
      local head = others[other]
      while
        head
        and (head[1] < want.priority or (head[1] == want.priority and head[2] < want.deadline))
      do
        ahead = _plus(ahead, terms, head[1], head[3])
        claimed[head[1]] = true
        other = other + 1
        head = others[other]
      end
      local own = claimed[want.priority] and nothing() or { unpack(pool.saved[want.priority + 1]) }
      local wait_s = _wait_s(pool, terms, ask, want, ahead, own)
      if wait_s <= 0 then
        take(pool, want.priority, want.need, own)
        granted[#granted + 1] = position - 1
      else
        blocked[want.priority] = true
        table.insert(member.heads, { want.priority, want.deadline, want.need })
        ahead = _plus(ahead, terms, want.priority, want.need)
        look = MIN(look or INF, wait_s)
      end
    end
  end
  return granted, look
end
