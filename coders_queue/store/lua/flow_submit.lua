-- Write a new flow. KEYS: the flow, all flows by creation, those that live.
-- 1 id, 2 time of creation, then fields: name, value, name, value.
if redis.call('HSETNX', KEYS[1], 'id', ARGV[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
return 1
