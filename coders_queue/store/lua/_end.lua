-- The end of a session. Put before the scripts that bring it about.

-- The end: the outcome kept, the environment's values gone, the name free, the host relieved.
local function end_session(attempt, host, last)
  local found = redis.call('HMGET', session, 'name', 'env_blank', 'created_at')
  leave_line()
  release(host)
  leave_quorum(last.counts)
  redis.call('HSET', session, 'state', last.state, 'ended_at', last.at, 'outcome', last.outcome)
  if found[2] then
    redis.call('HSET', session, 'env', found[2])
  end
  redis.call('HDEL', session, 'pid', 'env_blank', 'place')
  redis.call('ZREM', live, id)
  redis.call('ZREM', queued, id)
  redis.call('ZADD', ended, found[3], id)
  redis.call('ZADD', unsettled, last.at, id)
  if host ~= '' then
    redis.call('LPUSH', freed, now)
    redis.call('LTRIM', freed, 0, 49)
    redis.call('EXPIRE', freed, 3600)
  end
  if found[1] then
    if redis.call('HGET', names, found[1]) == id then
      redis.call('HDEL', names, found[1])
    end
    redis.call('ZADD', ended_names, 0, found[1] .. last.stamp .. id)
  end
  emit(attempt, last.kind, host, last.data)
end
