-- Have a session that waits and has never begun carried out by another agent.
-- 5 states it may be in, 6 what it is to limits now, 7 what it will be, 8 specification, 9 kind,
-- 10 data.
local found = redis.call('HMGET', session, 'state', 'attempt', 'line', 'claim')
if not found[1] or not listed(ARGV[5], found[1]) or found[2] ~= '0' or found[4] ~= ARGV[6] then
  return 0
end
redis.call('HSET', session, 'claim', ARGV[7], 'spec', ARGV[8])
if found[3] then
  leave_line()
  stand_in_line()
end
emit(found[2], ARGV[9], '', ARGV[10])
return 1
