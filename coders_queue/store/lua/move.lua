-- Move the current attempt to a state that is not an end.
-- 5 attempt, 6 states it may be in, 7 the state to be, 8 kind, 9 data, 10 whether the host is to be
-- cleared, then fields to set.
local state, host = legal(ARGV[6], ARGV[5])
if not state then
  return 0
end
redis.call('HSET', session, 'state', ARGV[7])
set_fields(11)
if ARGV[10] == '1' then
  redis.call('HDEL', session, 'host', 'assigned_at', 'started_at', 'pid', 'agent_version',
    'activity')
  release(host)
  redis.call('ZADD', queued, redis.call('HGET', session, 'created_at'), id)
  stand_in_line()
end
emit(ARGV[5], ARGV[8], host, ARGV[9])
return 1
