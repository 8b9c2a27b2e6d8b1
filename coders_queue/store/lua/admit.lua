-- Give the session whose turn it is to a host with room for it, with the next attempt number.
-- The session's key is the stem of all. 5 states it may be in, 6 the state to be, 7 kind, 8 data,
-- then hosts: name and how many sessions it may have. Answers id, host and attempt; or in how many
-- seconds to ask again, empty when that depends on others.
local stem = session

local function become(which)
  id = which
  session = stem .. which
end

local hosts, load, known = {}, {}, {}
for position = 9, #ARGV, 2 do
  local host = ARGV[position]
  known[host] = true
  load[host] = redis.call('SCARD', host_sessions .. host)
  if load[host] < tonumber(ARGV[position + 1]) then
    hosts[#hosts + 1] = host
  end
end
table.sort(hosts, function(one, other)
  if load[one] ~= load[other] then
    return load[one] < load[other]
  end
  return one < other
end)

-- those whose time has come: to the host that keeps their place, else into line
for _, which in ipairs(redis.call('ZRANGEBYSCORE', parked, '-inf', now, 'LIMIT', 0, PARKED)) do
  become(which)
  local found = redis.call('HMGET', session, 'state', 'place')
  if not found[1] or not listed(ARGV[5], found[1]) then
    redis.call('ZREM', parked, id)
  elseif not found[2] then
    redis.call('ZREM', parked, id)
    stand_in_line()
  elseif known[found[2]] then
    leave_line()
    return {id, found[2], give(found[2], ARGV[6], ARGV[7], ARGV[8])}
  else
    redis.call('ZADD', parked, exact(tonumber(now) + AGAIN), id)
  end
end

local soonest = math.huge
local next_due = redis.call('ZRANGE', parked, 0, 0, 'WITHSCORES')
if next_due[1] then
  soonest = math.max(0, tonumber(next_due[2]) - tonumber(now))
end
while #hosts > 0 do
  local line, host, priority, owner = choose(hosts, '9')
  if not line then
    soonest = math.min(soonest, host)
    break
  end
  become(redis.call('ZRANGE', line_stem .. line, 0, 0)[1] or '')
  local state = redis.call('HGET', session, 'state')
  if state and listed(ARGV[5], state) then
    take(claim_of(), host)
    charge(priority, owner)
    leave_line()
    return {id, host, give(host, ARGV[6], ARGV[7], ARGV[8])}
  end
  drop_from(line)  -- its record is gone: so is its turn
end
return {soonest < math.huge and exact(soonest) or ''}
