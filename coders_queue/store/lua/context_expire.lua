-- Have a space expire so long after its last write, which this counts as.
-- KEYS: as context_write.lua. 1 space, 2 now, 3 seconds.
if redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
redis.call('HSET', KEYS[2], 'lasts', ARGV[3])
local milliseconds = string.format('%d', math.ceil(tonumber(ARGV[3]) * 1000))
for position = 1, 4 do
  redis.call('PEXPIRE', KEYS[position], milliseconds)
end
redis.call('ZADD', KEYS[5], string.format('%.6f', tonumber(ARGV[2]) + tonumber(ARGV[3])), ARGV[1])
if redis.call('PTTL', KEYS[5]) < tonumber(milliseconds) then
  redis.call('PEXPIRE', KEYS[5], milliseconds)
end
return 1
