-- Have a flow go on. KEYS: the flow, its log, its outcomes, those that live.
-- 1 id, 2 states it may be in, joined by commas, 3 entry, 4 time.
local state = redis.call('HGET', KEYS[1], 'state')
if not state or not string.find(',' .. ARGV[2] .. ',', ',' .. state .. ',', 1, true) then
  return 0
end
redis.call('HDEL', KEYS[1], 'cause', 'result', 'ended_at')
redis.call('HSET', KEYS[1], 'state', 'running', 'resumed_at', ARGV[4])
redis.call('RPUSH', KEYS[2], ARGV[3])
redis.call('SADD', KEYS[4], ARGV[1])
for index = 1, 3 do
  redis.call('PERSIST', KEYS[index])
end
return 1
