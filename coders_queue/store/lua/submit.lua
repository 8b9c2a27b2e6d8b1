-- Write a new session, unless its id or its name is taken. For a host, unless it has no room, a limit
-- counts it that is full, or somebody waits whose turn there comes before.
-- 5 name, 6 host, 7 attempt, 8 time of creation, 9 kind, 10 data, 11 how many sessions the host may
-- have, empty for any number, `running` when it runs there already, 12 what it is to limits,
-- 13 priority, 14 number of fields to return for a session that exists, these, then the new fields.
local name, host, attempt, created_at = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local wanted = tonumber(ARGV[14])
if redis.call('EXISTS', session) == 1 then
  return {'exists', redis.call('HMGET', session, unpack(ARGV, 15, 14 + wanted))}
end
if name ~= '' then
  local other = redis.call('HGET', names, name)
  if other then
    return {'taken', other}
  end
end
local claim
if host ~= '' then
  claim = claim_from(ARGV[12])
  if ARGV[11] ~= 'running' then
    if ARGV[11] ~= '' and redis.call('SCARD', host_sessions .. host) >= tonumber(ARGV[11]) then
      return {'full'}
    end
    if hindered(claim, host) > 0 then
      return {'full'}
    end
    if redis.call('EXISTS', clocks) == 1 and choose({host}, ARGV[13]) then
      return {'full'}
    end
  end
end
if name ~= '' then
  redis.call('HSET', names, name, id)
end
set_fields(15 + wanted)
join_quorum()
redis.call('ZADD', ids, 0, id)
redis.call('ZADD', live, created_at, id)
if host ~= '' then
  take(claim, host)
else
  redis.call('ZADD', queued, created_at, id)
end
emit(attempt, ARGV[9], host, ARGV[10])
return {'new'}
