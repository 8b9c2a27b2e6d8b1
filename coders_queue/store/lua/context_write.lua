-- Put an entry into a space, or remove one.
-- KEYS: the space's entries, what is known of it, its history, its keys by when they expire; the
-- spaces by when they expire.
-- 1 space, 2 key, 3 now, 4 the version that it has to have ('' any, 0 none), 5 bytes it counts with,
-- 6 when it expires ('' with its space), 7 the entry ('' to remove it), 8 the same for the history,
-- 9 the space's budget in bytes, 10 the most entries, 11 the most of the history, 12 seconds after
-- a write at which a space expires.
-- An entry is kept as "VERSION SIZE EXPIRES_AT JSON", in the history as "VERSION JSON".
local heads, meta, log, expiring, spaces = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local key, now, size = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[5])
local budget = tonumber(ARGV[9])

local function bytes_of(head)
  return tonumber(string.match(head, '^%d+ (%d+) '))
end

for _, gone in ipairs(redis.call('ZRANGEBYSCORE', expiring, '-inf', ARGV[3])) do
  local head = redis.call('HGET', heads, gone)
  if head then
    redis.call('HDEL', heads, gone)
    redis.call('HINCRBY', meta, 'bytes', -bytes_of(head))
  end
  redis.call('ZREM', expiring, gone)
end

local head = redis.call('HGET', heads, key)
local current = head and string.match(head, '^(%d+) ') or '0'
if ARGV[4] ~= '' and ARGV[4] ~= current then
  return {'changed', current}
end
local removes = ARGV[7] == ''
if removes and not head then
  return {'none', current}
end
local before = head and bytes_of(head) or 0
local bytes = tonumber(redis.call('HGET', meta, 'bytes') or '0') - before + size
if not removes then
  -- what makes it smaller is never refused, whatever the budget has become meanwhile
  if bytes > budget and size > before then
    return {'full', string.format('%d', bytes)}
  end
  if not head and redis.call('HLEN', heads) >= tonumber(ARGV[10]) then
    return {'crowded', current}
  end
end

local version = string.format('%d', redis.call('HINCRBY', meta, 'seq', 1))
if removes then
  redis.call('HDEL', heads, key)
else
  local expires = ARGV[6] == '' and '-' or ARGV[6]
  redis.call('HSET', heads, key, version .. ' ' .. ARGV[5] .. ' ' .. expires .. ' ' .. ARGV[7])
end
if removes or ARGV[6] == '' then
  redis.call('ZREM', expiring, key)
else
  redis.call('ZADD', expiring, ARGV[6], key)
end

local item = version .. ' ' .. ARGV[8]
redis.call('RPUSH', log, item)
local logged = tonumber(redis.call('HGET', meta, 'log') or '0') + #item
while logged > budget or redis.call('LLEN', log) > tonumber(ARGV[11]) do
  local oldest = redis.call('LPOP', log)
  if not oldest then
    break
  end
  logged = logged - #oldest
end

local lasts = redis.call('HGET', meta, 'lasts') or ARGV[12]
redis.call('HSET', meta, 'bytes', string.format('%d', bytes), 'log', string.format('%d', logged),
  'at', ARGV[3])
local milliseconds = string.format('%d', math.ceil(tonumber(lasts) * 1000))
for position = 1, 4 do
  redis.call('PEXPIRE', KEYS[position], milliseconds)
end
redis.call('ZREMRANGEBYSCORE', spaces, '-inf', ARGV[3])
redis.call('ZADD', spaces, string.format('%.6f', now + tonumber(lasts)), ARGV[1])
if redis.call('PTTL', spaces) < tonumber(milliseconds) then
  redis.call('PEXPIRE', spaces, milliseconds)
end
return {'done', version}
