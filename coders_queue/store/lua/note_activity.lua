-- Keep what the agent of the current attempt is doing.
-- 5 attempt, 6 states it may be in, 7 activity, 8 kind, empty to tell nobody, 9 data.
local state, host = legal(ARGV[6], ARGV[5])
if not state then
  return 0
end
redis.call('HSET', session, 'activity', ARGV[7])
if ARGV[8] ~= '' then
  emit(ARGV[5], ARGV[8], host, ARGV[9])
end
return 1
