-- End the current attempt and let its session wait for the next one, unless its end was asked for.
-- 5 attempt, 6 states it may be in, 7 the state to be, 8 kind, 9 data, 10 fields that go, 11 whether
-- it keeps its place, then fields to set.
local state, host = legal(ARGV[6], ARGV[5])
if not state or redis.call('HEXISTS', session, 'cancel_reason') == 1 then
  return 0
end
redis.call('HSET', session, 'state', ARGV[7])
for field in string.gmatch(ARGV[10], '[^,]+') do
  redis.call('HDEL', session, field)
end
set_fields(12)
if ARGV[11] == '1' then
  redis.call('HSET', session, 'place', host)
else
  release(host)
end
redis.call('ZADD', queued, redis.call('HGET', session, 'created_at'), id)
stand_in_line()
emit(ARGV[5], ARGV[8], host, ARGV[9])
return 1
