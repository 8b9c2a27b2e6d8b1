-- Move a rule on and add what is to be done. KEYS: the rule, its jobs, when
-- those are due that are done here, when those that others do.
-- 1 where it has to be, 2 the new place, 3 its state, 4 milliseconds that all of it is kept, then
-- for each job its id, itself, when it is due, and which of the keys says so.
if redis.call('HGET', KEYS[1], 'position') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'position', ARGV[2], 'state', ARGV[3])
for at = 5, #ARGV, 4 do
  if redis.call('HSETNX', KEYS[2], ARGV[at], ARGV[at + 1]) == 1 then
    redis.call('ZADD', KEYS[tonumber(ARGV[at + 3])], ARGV[at + 2], ARGV[at])
  end
end
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ARGV[4])
end
return 1
