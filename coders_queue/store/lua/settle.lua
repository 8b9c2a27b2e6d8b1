-- Note that Celery has the result; from here on the record's time runs.
-- 5 states it may be in, 6 time to live in milliseconds, 7 kind.
local found = redis.call('HMGET', session, 'state', 'attempt', 'host', 'settled')
if not found[1] or not listed(ARGV[5], found[1]) or found[4] then
  return 0
end
redis.call('HSET', session, 'settled', 'true')
redis.call('PEXPIRE', session, ARGV[6])
redis.call('ZREM', unsettled, id)
emit(found[2], ARGV[7], found[3] or '', '{}')
return 1
