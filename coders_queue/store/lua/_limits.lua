-- Whether a session may take a place: the limits that count it, and its account. Put before every
-- script that gives a place or takes one back. Each limit has the set of sessions it counts, so that
-- what is taken or given back twice is so once; a rate is a time (GCRA) that no start may precede.
-- Limits are read once by a script: LIMIT is a text of seven lines, `*` where it says nothing.

local limits, shares, exhausted, clocks, parked, limit_sessions, limit_rates, line_stem, lines_stem,
  turns_stem, over_stem, freed = unpack(KEYS, 10)

-- What a session is to limits and to its turn, from its text: owner, agent, account, host it is
-- bound to, labels; words as the records hold them.
local function claim_from(text, host)
  local words = {}
  for word in string.gmatch(text or '', '[^\n]+') do
    words[#words + 1] = word
  end
  local claim = {owner = words[1] or '""', agent = words[2] or '""', account = words[3] or '""',
    host = host or words[4] or '*', labels = {}}
  for position = 5, #words do
    claim.labels[words[position]] = true
  end
  return claim
end

local function claim_of()
  local found = redis.call('HMGET', session, 'claim', 'only_host')
  return claim_from(found[1], found[2])
end

local function limit_from(name, text)
  local words = {}
  for word in string.gmatch(text, '[^\n]+') do
    words[#words + 1] = word
  end
  return {name = name, agent = words[1], host = words[2], owner = words[3], label = words[4],
    concurrency = tonumber(words[5]), rate = tonumber(words[6]), burst = tonumber(words[7])}
end

local known_limits

local function all_limits()
  if not known_limits then
    known_limits = {}
    local found = redis.call('HGETALL', limits)
    for position = 1, #found, 2 do
      known_limits[#known_limits + 1] = limit_from(found[position], found[position + 1])
    end
  end
  return known_limits
end

local function counts(limit, claim, host)
  return (limit.agent == '*' or limit.agent == claim.agent)
    and (limit.host == '*' or limit.host == host)
    and (limit.owner == '*' or limit.owner == claim.owner)
    and (limit.label == '*' or claim.labels[limit.label] ~= nil)
end

-- The server's own time: rates must not depend on whose clock is ahead.
local at

local function server_time()
  if not at then
    local time = redis.call('TIME')
    at = tonumber(time[1]) + tonumber(time[2]) / 1000000
  end
  return at
end

-- The time up to which a limit's rate is used, not before now.
local function used_up_to(limit)
  if not limit.used then
    local used = tonumber(redis.call('GET', limit_rates .. limit.name) or 0)
    limit.used = math.max(server_time(), used)
  end
  return limit.used
end

-- In how many seconds a limit has room for one more: 0 for now, huge when somebody has to leave.
local function wait_of(limit)
  if not limit.wait then
    limit.wait = 0
    if limit.rate then
      local left = used_up_to(limit) - server_time()
      limit.wait = math.max(0, left - (limit.burst - 1) / limit.rate)
    end
    if limit.concurrency
      and redis.call('SCARD', limit_sessions .. limit.name) >= limit.concurrency then
      limit.wait = math.huge
    end
  end
  return limit.wait
end

local any_exhausted
local renewals = {}

-- In how many seconds an account's quota is renewed, 0 when it is not used up.
local function until_renewed(account)
  if any_exhausted == nil then
    any_exhausted = redis.call('EXISTS', exhausted) == 1
  end
  if any_exhausted and not renewals[account] then
    local at = tonumber(redis.call('ZSCORE', exhausted, account) or 0)
    renewals[account] = math.max(0, at - tonumber(now))
  end
  return renewals[account] or 0
end

-- In how many seconds a session of that claim may take a place on a host with room.
local function hindered(claim, host)
  local wait = until_renewed(claim.account)
  for _, limit in ipairs(all_limits()) do
    if counts(limit, claim, host) then
      wait = math.max(wait, wait_of(limit))
    end
  end
  return wait
end

-- In how many seconds anybody at all may take a place, as far as limits on all sessions tell.
local function closed()
  local wait = 0
  for _, limit in ipairs(all_limits()) do
    if limit.agent == '*' and limit.host == '*' and limit.owner == '*' and limit.label == '*' then
      wait = math.max(wait, wait_of(limit))
    end
  end
  return wait
end

-- Count the session where it is counted.
local function take(claim, host)
  redis.call('SADD', host_sessions .. host, id)
  for _, limit in ipairs(all_limits()) do
    if counts(limit, claim, host) then
      redis.call('SADD', limit_sessions .. limit.name, id)
      if limit.rate then
        limit.used = used_up_to(limit) + 1 / limit.rate
        redis.call('SET', limit_rates .. limit.name, string.format('%.17g', limit.used),
          'PX', math.ceil((limit.used - server_time()) * 1000) + 1000)
      end
      limit.wait = nil
    end
  end
end

-- Give back whatever place the session has.
local function release(host)
  local kept = redis.call('HGET', session, 'place')
  if kept then
    redis.call('SREM', host_sessions .. kept, id)
  end
  if host ~= '' then
    redis.call('SREM', host_sessions .. host, id)
  end
  if kept or host ~= '' then
    for _, name in ipairs(redis.call('HKEYS', limits)) do
      redis.call('SREM', limit_sessions .. name, id)
    end
  end
end
