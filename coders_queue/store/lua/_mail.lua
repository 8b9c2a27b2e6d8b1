-- Put before every script about a mailbox. It is a stream of the messages that are in it; who has
-- which in hand is in a hash beside it: id to "TRIES TAKEN_AT READER", and "bytes".
-- KEYS: stream, hash, dead letters, the mailboxes in which there is something, the receiver's
-- session, the events.
-- 1 address, 2 the session's id ('' for a person), 3 now, 4 states of an end, 5 milliseconds that
-- mailboxes are kept, 6 the most dead letters, 7 the most events, 8 stem of the bytes of a sender's
-- that wait anywhere.
if redis.replicate_commands then
  redis.replicate_commands()
end
local stream, hands, dead, index, session, events = unpack(KEYS)
local address, session_id, now, ends, kept, most_dead, most_events, weights = unpack(ARGV)
local time = tonumber(now)

-- The state of the receiver's session when it has ended, '' when nobody knows it, else nil.
local function over()
  if session_id == '' then
    return nil
  end
  local state = redis.call('HGET', session, 'state')
  if not state then
    return ''
  end
  if string.find(',' .. ends .. ',', ',' .. state .. ',', 1, true) then
    return state
  end
  return nil
end

local function fields_of(entry)
  local found = {}
  for position = 1, #entry[2], 2 do
    found[entry[2][position]] = entry[2][position + 1]
  end
  return found
end

-- How often it was handed out, when, and who has it in hand ('' for nobody).
local function hand_of(id)
  local tries, taken, reader = string.match(redis.call('HGET', hands, id) or '0 0 ',
    '^(%d+) (%S+) (.*)$')
  return tonumber(tries), tonumber(taken), reader
end

local function keep(tries, taken, reader, id)
  redis.call('HSET', hands, id, string.format('%d', tries) .. ' ' .. taken .. ' ' .. reader)
  redis.call('PEXPIRE', hands, kept)
end

local function out(id, fields)
  local size = tonumber(fields.size)
  redis.call('XDEL', stream, id)
  if redis.call('DECRBY', weights .. fields.sender, size) <= 0 then
    redis.call('DEL', weights .. fields.sender)
  end
  redis.call('HDEL', hands, id)
  redis.call('HINCRBY', hands, 'bytes', -size)
  if redis.call('XLEN', stream) == 0 then
    redis.call('ZREM', index, address)
    redis.call('DEL', hands)
  end
end

local function bury(id, fields, tries, why)
  redis.call('XADD', dead, 'MAXLEN', most_dead, '*', 'id', id, 'sender', fields.sender, 'text',
    fields.text, 'at', fields.at, 'key', fields.key, 'tries', string.format('%d', tries), 'why', why)
  redis.call('PEXPIRE', dead, kept)
  out(id, fields)
  if session_id ~= '' then
    redis.call('XADD', events, 'MAXLEN', '~', most_events, '*', 'session', session_id,
      'attempt', '0', 'kind', 'message.dead', 'at', now, 'host', '',
      'data', cjson.encode({message = id, sender = fields.sender, tries = tries}))
  end
end
