-- What limits and rules come to at this moment: first part of the pool's script (see pool.lua).

local MINUTE_S = 60
local FIRST_BURST_S, FIRST_STOCK = 1, 0.85
local RAISE_S, FAR = 1, 1e18
local CUSHION_S, MOST_CUSHION = 0.5, 0.1
local HAIR = 1e-6
local FLOW_S = 5
local RESERVE_S, MOST_RESERVE = 1, 0.05
local MOST_SAVED = 0.5
local PROBE_S = 10
local MEMBER_S = 10
local WAITING_S = 1
local CLOSED_SLACK_S = 0.5
local RAMP_CUT, RAMP_SLOPE, LEAST_PACE = 0.8, 0.05, 0.02
local PRIORITIES = 5
local ROUNDING = { 0, 500, 500 }
local KEEP_S = 6 * 3600

local INF, MIN, MAX = math.huge, math.min, math.max
local Terms = {}

local function nothing()
  return { 0, 0, 0 }
end

local function far()
  return { FAR, FAR, FAR }
end

local function _classes()
  local all = {}
  for p = 1, PRIORITIES do
    all[p] = nothing()
  end
  return all
end

local function total(rows, u)
  local sum = 0
  for _, row in pairs(rows) do
    sum = sum + row[u]
  end
  return sum
end

local function any(amounts)
  return amounts[1] ~= 0 or amounts[2] ~= 0 or amounts[3] ~= 0
end

local function _keeps(pool, ask, capacities)
  local keeps = { nothing() }
  for p = 1, PRIORITIES do
    local row = { unpack(keeps[p]) }
    for u = 1, 3 do
      if capacities[u] < INF then
        local part = ask.rules.reserves[p]
        local expected = pool.flows[p][u] / FLOW_S * RESERVE_S
        local auto = MIN(expected, MOST_RESERVE * capacities[u])
        row[u] = row[u] + (part < 0 and auto or part * capacities[u])
      end
    end
    keeps[p + 1] = row
  end
  return keeps
end

function Terms.of(pool, ask)
  local terms = { limits = {}, rates = {}, capacities = {}, cushions = {}, saved = {}, tops = {} }
  for u = 1, 3 do
    local ceiling, heard = ask.rules.ceilings[u], pool.heard[u]
    local told = (ceiling ~= 0 and heard ~= 0) and MIN(ceiling, heard) or MAX(ceiling, heard)
    local limit = told * ask.share * pool.pace
    local rate = limit / MINUTE_S
    local capacity = limit ~= 0 and MAX(1, rate * pool.bursts_s[u]) or INF
    terms.limits[u], terms.rates[u], terms.capacities[u] = limit, rate, capacity
    terms.cushions[u] = MIN(rate * CUSHION_S, capacity * MOST_CUSHION)
    terms.saved[u] = total(pool.saved, u)
    terms.tops[u] = capacity - terms.saved[u]
  end
  terms.keeps = _keeps(pool, ask, terms.capacities)
  return terms
end
