-- A flow is over. KEYS: the flow, its log, its outcomes, those that live.
-- 1 id, 2 how many entries its log is to have, 3 milliseconds that all is kept, then fields.
if redis.call('HGET', KEYS[1], 'state') ~= 'running'
  or redis.call('LLEN', KEYS[2]) ~= tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('SREM', KEYS[4], ARGV[1])
for index = 1, 3 do
  redis.call('PEXPIRE', KEYS[index], ARGV[3])
end
return 1
