-- Put before every script that writes a session: the names of its keys and first arguments, and
-- what these scripts share. States and kinds are arguments always: the table of legal moves is
-- Python's, and none of it is spelled here.

-- Redis 6 repeats whole scripts on replicas unless told otherwise, and then refuses XADD's own ids
if redis.replicate_commands then
  redis.replicate_commands()
end

local session, events, ids, live, ended, unsettled, names, ended_names, queued = unpack(KEYS)
local id, now, max_events, host_sessions = unpack(ARGV)

-- Whether a word is among words joined by commas.
local function listed(words, word)
  return string.find(',' .. words .. ',', ',' .. word .. ',', 1, true) ~= nil
end

-- State and host of a session whose state and attempt are as asked, else nothing.
local function legal(states, attempt)
  local found = redis.call('HMGET', session, 'state', 'attempt', 'host')
  if not found[1] or not listed(states, found[1]) or found[2] ~= attempt then
    return nil
  end
  return found[1], found[3] or ''
end

local function emit(attempt, kind, host, data)
  return redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'session', id,
    'attempt', attempt, 'kind', kind, 'at', now, 'host', host, 'data', data)
end

-- Set fields given as arguments from `first` on: name, value, name, value.
local function set_fields(first)
  if #ARGV >= first then
    redis.call('HSET', session, unpack(ARGV, first))
  end
end
