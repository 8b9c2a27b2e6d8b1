-- Put a message into a mailbox, unless it was put there before.
-- KEYS as _mail.lua, then: what the sender's id was given. After its arguments: 9 sender, 10 text,
-- 11 the sender's id for it ('' for none), 12 its bytes, 13 the most messages, 14 the most bytes,
-- 15 milliseconds for which the sender's id is remembered, 16 the most bytes of one sender.
local sent = KEYS[7]
if ARGV[11] ~= '' then
  local before = redis.call('GET', sent)
  if before then
    return {'again', before}
  end
end
local state = over()
if state then
  return {'over', state}
end
local size, count = tonumber(ARGV[12]), redis.call('XLEN', stream)
local bytes = tonumber(redis.call('HGET', hands, 'bytes') or '0')
if count >= tonumber(ARGV[13]) or bytes + size > tonumber(ARGV[14]) then
  return {'full', string.format('%d %d', count, bytes)}
end
local weight = weights .. ARGV[9]
if tonumber(redis.call('GET', weight) or '0') + size > tonumber(ARGV[16]) then
  return {'unread', redis.call('GET', weight)}
end
local id = redis.call('XADD', stream, '*', 'sender', ARGV[9], 'text', ARGV[10], 'key', ARGV[11],
  'at', now, 'size', ARGV[12])
redis.call('HINCRBY', hands, 'bytes', size)
redis.call('INCRBY', weight, size)
if ARGV[11] ~= '' then
  redis.call('SET', sent, id, 'PX', ARGV[15])
end
redis.call('ZADD', index, 'NX', now, address)
for _, key in ipairs({stream, hands, index, weight}) do
  redis.call('PEXPIRE', key, kept)
end
return {'sent', id}
