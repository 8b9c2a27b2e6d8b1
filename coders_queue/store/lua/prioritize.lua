-- Change when it is the turn of a session that waits.
-- 5 states it may be in, 6 priority, 7 kind, 8 data.
local found = redis.call('HMGET', session, 'state', 'attempt', 'line')
if not found[1] or not listed(ARGV[5], found[1]) then
  return 0
end
redis.call('HSET', session, 'priority', ARGV[6])
if found[3] then
  leave_line()
  stand_in_line()
end
emit(found[2], ARGV[7], '', ARGV[8])
return 1
