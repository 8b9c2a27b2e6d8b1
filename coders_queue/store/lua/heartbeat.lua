-- Take in a host's heartbeat: its description for a while, and how punctual it is.
-- KEYS: the host, the set of hosts, its health, the hosts by their last heartbeat.
-- 1 name, 2 description, 3 time to live in milliseconds, 4 stem of a host's key, 5 heartbeat,
-- 6 its number, 7 seconds between two, 8 time that the health is kept, in milliseconds.
if redis.replicate_commands then
  redis.replicate_commands()
end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local number, period = tonumber(ARGV[6]), tonumber(ARGV[7])
local found = redis.call('HMGET', KEYS[3], 'number', 'received_at', 'beats', 'late', 'longest_gap',
  'missed')
local last = tonumber(found[1] or 0)
if number ~= 1 and number <= last then
  return 0
end
local beats, late, longest, missed = 1, 0, 0, 0
if number ~= 1 and found[1] then
  local gap = now - tonumber(found[2])
  beats, late = tonumber(found[3]) + 1, tonumber(found[4])
  longest = math.max(tonumber(found[5]), gap)
  missed = tonumber(found[6] or 0) + number - last - 1
  if gap > 1.5 * period then
    late = late + 1
  end
end
local stamp = string.format('%.6f', now)
redis.call('HSET', KEYS[3], 'number', number, 'received_at', stamp, 'beats', beats, 'late', late,
  'longest_gap', string.format('%.6f', longest), 'missed', missed, 'heartbeat', ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[8])
redis.call('ZADD', KEYS[4], stamp, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', string.format('%.6f', now - ARGV[8] / 1000))
redis.call('PEXPIRE', KEYS[4], ARGV[8])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if redis.call('SADD', KEYS[2], ARGV[1]) == 1 or number % 64 == 1 then
  -- now and then: looking for those who are gone at every heartbeat would be dear
  for _, name in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    if redis.call('EXISTS', ARGV[4] .. name) == 0 then
      redis.call('SREM', KEYS[2], name)
    end
  end
end
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return 1
