-- Write a new session, unless its id or its name is taken.
-- 5 name, 6 host, 7 attempt, 8 time of creation, 9 kind, 10 data, 11 number of fields to return for
-- a session that exists, these, then the new fields.
local name, host, attempt, created_at = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local wanted = tonumber(ARGV[11])
if redis.call('EXISTS', session) == 1 then
  return {'exists', redis.call('HMGET', session, unpack(ARGV, 12, 11 + wanted))}
end
if name ~= '' then
  local other = redis.call('HGET', names, name)
  if other then
    return {'taken', other}
  end
  redis.call('HSET', names, name, id)
end
set_fields(12 + wanted)
redis.call('ZADD', ids, 0, id)
redis.call('ZADD', live, created_at, id)
if host ~= '' then
  redis.call('SADD', host_sessions .. host, id)
end
emit(attempt, ARGV[9], host, ARGV[10])
return {'new'}
