-- Describe a host for a while; names of hosts that are gone leave the set.
-- KEYS: the host, the set of hosts. 1 name, 2 description, 3 time to live in milliseconds, 4 stem of
-- a host's key.
if redis.replicate_commands then
  redis.replicate_commands()
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
for _, name in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if redis.call('EXISTS', ARGV[4] .. name) == 0 then
    redis.call('SREM', KEYS[2], name)
  end
end
redis.call('SADD', KEYS[2], ARGV[1])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return 1
