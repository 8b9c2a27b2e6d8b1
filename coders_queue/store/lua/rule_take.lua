-- Jobs that are due, and nobody else's for a while. KEYS: the jobs, when they are due.
-- 1 now, 2 until when they are the caller's, 3 how many at most.
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])) do
  local job = redis.call('HGET', KEYS[1], id)
  if job then
    redis.call('ZADD', KEYS[2], ARGV[2], id)
    found[#found + 1] = job
  else
    redis.call('ZREM', KEYS[2], id)
  end
end
return found
