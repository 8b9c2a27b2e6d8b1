-- Move the current attempt to another state on its host.
-- 5 attempt, 6 states it may be in, 7 the state to be, 8 kind, 9 data, then fields to set.
local state, host = legal(ARGV[6], ARGV[5])
if not state then
  return 0
end
redis.call('HSET', session, 'state', ARGV[7])
set_fields(10)
emit(ARGV[5], ARGV[8], host, ARGV[9])
return 1
