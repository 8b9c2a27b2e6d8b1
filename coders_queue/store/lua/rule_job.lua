-- A job was done, given up or put off. KEYS: the rule, its jobs, when they are due.
-- 1 its id, 2 `done`, `failed` or `later`; then of a failure itself, of a later one the job and when.
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then
  return 0
end
if ARGV[2] == 'later' then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
  redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1])
  return 1
end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HINCRBY', KEYS[1], ARGV[2], 1)
  if ARGV[3] then
    redis.call('HSET', KEYS[1], 'failure', ARGV[3])
  end
end
return 1
