-- Keep an approval in place of the one of the version before, with its event.
-- KEYS: the approval; all approvals by time; those that wait, by time; what its session's terminal
-- asked last; the events.
-- 1 id, 2 the version that is there ('' for none), 3 the version it has now, 4 the approval (JSON),
-- 5 since when it waits, 6 '1' while it does, 7 milliseconds that it is kept,
-- 8 what the session's terminal asked last ('' nothing, '*' whatever), 9 the most events,
-- 10 session, 11 attempt, 12 kind, 13 now, 14 host, 15 data, 16 since when others are dropped.
if redis.replicate_commands then
  redis.replicate_commands()
end
local approval, all, waiting, current, events = unpack(KEYS)
if (redis.call('HGET', approval, 'version') or '') ~= ARGV[2] then
  return 0
end
if ARGV[8] ~= '*' then
  if (redis.call('GET', current) or '') ~= ARGV[8] then
    return 0
  end
  redis.call('SET', current, ARGV[1], 'PX', ARGV[7])
end
redis.call('HSET', approval, 'version', ARGV[3], 'approval', ARGV[4])
redis.call('PEXPIRE', approval, ARGV[7])
redis.call('ZREMRANGEBYSCORE', all, '-inf', ARGV[16])
redis.call('ZADD', all, ARGV[5], ARGV[1])
redis.call('PEXPIRE', all, ARGV[7])
if ARGV[6] == '1' then
  redis.call('ZREMRANGEBYSCORE', waiting, '-inf', ARGV[16])
  redis.call('ZADD', waiting, ARGV[5], ARGV[1])
  redis.call('PEXPIRE', waiting, ARGV[7])
else
  redis.call('ZREM', waiting, ARGV[1])
end
redis.call('XADD', events, 'MAXLEN', '~', ARGV[9], '*', 'session', ARGV[10], 'attempt', ARGV[11],
  'kind', ARGV[12], 'at', ARGV[13], 'host', ARGV[14], 'data', ARGV[15])
return 1
