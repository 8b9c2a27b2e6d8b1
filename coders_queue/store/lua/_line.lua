-- The order of those that wait, and whose turn it is. Put before every script that lets a session
-- wait or go on. By priority, then by owner (start-time fair queuing: a start moves its owner's next
-- turn back by one over its weight), then by age. Sessions that limits and hosts cannot tell apart
-- form a line, named by what they have in common, so that only its first is ever looked at.
-- One that is to wait until a time, or that keeps its place, is parked instead.

-- How far an owner whose sessions were held up may be behind and catch up, in starts.
local CATCH_UP = 32
-- How many parked sessions are looked at by one script, and when those that cannot begin are again.
local PARKED, AGAIN = 100, 5

local function exact(value)
  return string.format('%.17g', value)
end

local function stand_in_line()
  local found = redis.call('HMGET', session, 'priority', 'created_at', 'due_at', 'place')
  local due = tonumber(found[3] or 0)
  if found[4] or due > tonumber(now) then
    redis.call('ZADD', parked, exact(math.max(due, tonumber(now))), id)
    return
  end
  local claim = claim_of()
  local priority = found[1] or '5'
  local words = {priority, claim.owner, claim.agent, claim.account, claim.host}
  local labels = {}
  for _, limit in ipairs(all_limits()) do
    if claim.labels[limit.label] then
      labels[limit.label] = true
    end
  end
  local sorted = {}
  for label in pairs(labels) do
    sorted[#sorted + 1] = label
  end
  table.sort(sorted)
  for _, label in ipairs(sorted) do
    words[#words + 1] = label
  end
  local line = table.concat(words, '\n')
  redis.call('HSET', session, 'line', line)
  redis.call('ZADD', line_stem .. line, found[2], id)
  redis.call('ZADD', lines_stem .. priority .. ':' .. claim.owner, 'LT', found[2], line)
  local turns, over = turns_stem .. priority, over_stem .. priority
  if not redis.call('ZSCORE', turns, claim.owner) then
    local clock = tonumber(redis.call('HGET', clocks, priority) or 0)
    local own = tonumber(redis.call('ZSCORE', over, claim.owner) or 0)
    redis.call('ZADD', turns, exact(math.max(clock, own)), claim.owner)
    redis.call('ZREM', over, claim.owner)
    redis.call('HSETNX', clocks, priority, '0')
  end
end

local function drop_from(line)
  redis.call('ZREM', line_stem .. line, id)
  local priority, owner = string.match(line, '^([^\n]*)\n([^\n]*)')
  local lines = lines_stem .. priority .. ':' .. owner
  local first = redis.call('ZRANGE', line_stem .. line, 0, 0, 'WITHSCORES')
  if first[1] then
    redis.call('ZADD', lines, first[2], line)
    return
  end
  redis.call('ZREM', lines, line)
  if redis.call('EXISTS', lines) == 1 then
    return
  end
  local turns, over = turns_stem .. priority, over_stem .. priority
  local own = redis.call('ZSCORE', turns, owner)
  redis.call('ZREM', turns, owner)
  if redis.call('EXISTS', turns) == 1 then
    redis.call('ZADD', over, own, owner)
  else
    -- nobody waits any more: nobody owes anything
    redis.call('DEL', over)
    redis.call('HDEL', clocks, priority)
  end
end

local function leave_line()
  redis.call('ZREM', parked, id)
  local line = redis.call('HGET', session, 'line')
  if line then
    redis.call('HDEL', session, 'line')
    drop_from(line)
  end
end

-- An owner has had a turn.
local function charge(priority, owner)
  local turns = turns_stem .. priority
  local own = tonumber(redis.call('ZSCORE', turns, owner))
  local clock = math.max(own, tonumber(redis.call('HGET', clocks, priority) or 0))
  redis.call('HSET', clocks, priority, exact(clock))
  local behind = clock - CATCH_UP
  if own < behind then
    -- all that far behind come closer together: among them nothing changes
    local late = redis.call('ZRANGEBYSCORE', turns, '-inf', '(' .. exact(behind), 'WITHSCORES')
    for position = 1, #late, 2 do
      local closer = math.min(clock, tonumber(late[position + 1]) + (behind - own))
      redis.call('ZADD', turns, exact(closer), late[position])
    end
    own = behind
  end
  local weight = tonumber(redis.call('HGET', shares, owner) or 1)
  redis.call('ZADD', turns, exact(own + 1 / weight), owner)
  redis.call('ZREMRANGEBYSCORE', over_stem .. priority, '-inf', exact(clock))
end

-- The line whose first may start now, its host, priority and owner; else in how many seconds one
-- may, huge when that depends on others. Hosts are tried in their order. Priorities up to `last`.
local function choose(hosts, last)
  local priorities = redis.call('HKEYS', clocks)
  local soonest = closed()
  if soonest > 0 and #priorities > 0 then
    return nil, soonest
  end
  soonest = math.huge
  table.sort(priorities)
  for _, priority in ipairs(priorities) do
    local offset = 0
    local owners = {}
    repeat
      if priority <= last then
        owners = redis.call('ZRANGE', turns_stem .. priority, offset, offset + 99)
      end
      offset = offset + 100
      for _, owner in ipairs(owners) do
        local lines = redis.call('ZRANGE', lines_stem .. priority .. ':' .. owner, 0, -1)
        for _, line in ipairs(lines) do
          local claim = claim_from(string.sub(line, #priority + 2))
          for _, host in ipairs(hosts) do
            if claim.host == '*' or claim.host == host then
              local wait = hindered(claim, host)
              if wait == 0 then
                return line, host, priority, owner
              end
              soonest = math.min(soonest, wait)
            end
          end
        end
      end
    until #owners < 100
  end
  return nil, soonest
end

-- The session is the host's from now on, as its next attempt.
local function give(host, state, kind, data)
  local attempt = redis.call('HINCRBY', session, 'attempt', 1)
  redis.call('HSET', session, 'state', state, 'host', host, 'assigned_at', now)
  redis.call('HDEL', session, 'due_at', 'only_host', 'place')
  redis.call('ZREM', queued, id)
  emit(attempt, kind, host, data)
  return attempt
end
