-- Add an entry to the log of a flow that runs. KEYS: the flow, its log, its outcomes.
-- 1 entry, 2 how many there are to be, empty for any number, 3 a run whose outcome 4 is kept with
-- it, unless there is one.
if redis.call('HGET', KEYS[1], 'state') ~= 'running' then
  return 0
end
if ARGV[2] ~= '' and redis.call('LLEN', KEYS[2]) ~= tonumber(ARGV[2]) then
  return 0
end
if ARGV[3] and redis.call('HSETNX', KEYS[3], ARGV[3], ARGV[4]) == 0 then
  return 0
end
redis.call('RPUSH', KEYS[2], ARGV[1])
return 1
