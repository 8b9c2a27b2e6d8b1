-- The state of a rule, which is written if there is none. KEYS: the rule.
-- 1 its place, 2 its state, 3 milliseconds that it is kept.
if redis.call('HSETNX', KEYS[1], 'position', ARGV[1]) == 1 then
  redis.call('HSET', KEYS[1], 'state', ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('HGET', KEYS[1], 'state')
