-- Sessions of a group of which so many successes are enough. Put before the scripts that begin and
-- end sessions. What was counted outlives the group by a while: who joins late is not wanted either.

local quorum_stem, quorum_live_stem, quorums = unpack(KEYS, 22)
local QUORUM_KEPT = 604800

local function join_quorum()
  local group = redis.call('HGET', session, 'quorum')
  if not group then
    return
  end
  redis.call('SADD', quorum_live_stem .. group, id)
  redis.call('PERSIST', quorum_stem .. group)
  local reached = redis.call('HGET', quorum_stem .. group, 'reached_at')
  if reached then
    redis.call('ZADD', quorums, reached, group)
  end
end

-- The session has ended; `counts` is '1' for a success.
local function leave_quorum(counts)
  local found = redis.call('HMGET', session, 'quorum', 'quorum_need')
  local group = found[1]
  if not group then
    return
  end
  local key, alive = quorum_stem .. group, quorum_live_stem .. group
  redis.call('SREM', alive, id)
  if counts == '1' and redis.call('HINCRBY', key, 'won', 1) >= tonumber(found[2]) then
    redis.call('HSETNX', key, 'reached_at', now)
    redis.call('ZADD', quorums, redis.call('HGET', key, 'reached_at'), group)
  end
  if redis.call('EXISTS', alive) == 0 then
    redis.call('ZREM', quorums, group)
    redis.call('EXPIRE', key, QUORUM_KEPT)
  end
end
