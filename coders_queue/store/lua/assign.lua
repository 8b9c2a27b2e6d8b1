-- Give the session to a host, with the next attempt number.
-- 5 host, 6 states it may be in, 7 the state to be, 8 kind, 9 data, 10 how many sessions the host may
-- have, empty for any number.
local found = redis.call('HMGET', session, 'state', 'due_at', 'only_host')
if not found[1] or not listed(ARGV[6], found[1]) then
  return false
end
if tonumber(found[2] or 0) > tonumber(now) or (found[3] or ARGV[5]) ~= ARGV[5] then
  return false
end
if ARGV[10] ~= '' and redis.call('SCARD', host_sessions .. ARGV[5]) >= tonumber(ARGV[10]) then
  return false
end
local attempt = redis.call('HINCRBY', session, 'attempt', 1)
redis.call('HSET', session, 'state', ARGV[7], 'host', ARGV[5], 'assigned_at', now)
redis.call('HDEL', session, 'due_at', 'only_host')
redis.call('SADD', host_sessions .. ARGV[5], id)
redis.call('ZREM', queued, id)
emit(attempt, ARGV[8], ARGV[5], ARGV[9])
return attempt
