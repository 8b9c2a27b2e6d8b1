-- Take the current attempt from its host; its session waits for its turn.
-- 5 attempt, 6 states it may be in, 7 the state to be, 8 kind, 9 data, 10 fields that go, then fields
-- to set.
local state, host = legal(ARGV[6], ARGV[5])
if not state then
  return 0
end
redis.call('HSET', session, 'state', ARGV[7])
set_fields(11)
for field in string.gmatch(ARGV[10], '[^,]+') do
  redis.call('HDEL', session, field)
end
release(host)
redis.call('ZADD', queued, redis.call('HGET', session, 'created_at'), id)
stand_in_line()
emit(ARGV[5], ARGV[8], host, ARGV[9])
return 1
