-- Put a message into a mailbox, unless it was put there before.
-- KEYS as _mail.lua, then: what the sender's id was given. After its arguments: 8 sender, 9 text,
-- 10 the sender's id for it ('' for none), 11 its bytes, 12 the most messages, 13 the most bytes,
-- 14 milliseconds for which the sender's id is remembered.
local sent = KEYS[7]
if ARGV[10] ~= '' then
  local before = redis.call('GET', sent)
  if before then
    return {'again', before}
  end
end
local state = over()
if state then
  return {'over', state}
end
local size, count = tonumber(ARGV[11]), redis.call('XLEN', stream)
local bytes = tonumber(redis.call('HGET', hands, 'bytes') or '0')
if count >= tonumber(ARGV[12]) or bytes + size > tonumber(ARGV[13]) then
  return {'full', string.format('%d %d', count, bytes)}
end
local id = redis.call('XADD', stream, '*', 'sender', ARGV[8], 'text', ARGV[9], 'key', ARGV[10],
  'at', now, 'size', ARGV[11])
redis.call('HINCRBY', hands, 'bytes', size)
if ARGV[10] ~= '' then
  redis.call('SET', sent, id, 'PX', ARGV[14])
end
redis.call('ZADD', index, 'NX', now, address)
for _, key in ipairs({stream, hands, index}) do
  redis.call('PEXPIRE', key, kept)
end
return {'sent', id}
