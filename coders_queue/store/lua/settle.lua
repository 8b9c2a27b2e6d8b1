-- Note that Celery has the result; from here on the record's time runs.
-- 5 states it may be in, 6 time to live in milliseconds, 7 kind.
-- Its messages have done their work, and may carry the requests of what followed, secrets included:
-- only a member of a group, which may be counted again, keeps its own. Emptied, not removed, it
-- still tells a late duplicate that it is not the first.
local found = redis.call('HMGET', session, 'state', 'attempt', 'host', 'settled', 'request')
if not found[1] or not listed(ARGV[5], found[1]) or found[4] then
  return 0
end
redis.call('HSET', session, 'settled', 'true')
redis.call('HDEL', session, 'publish')
if found[5] then
  local readable, request = pcall(cjson.decode, found[5])
  if readable and type(request) == 'table' and not (request.group and request.group ~= cjson.null) then
    redis.call('HSET', session, 'request', '{}')
  end
end
redis.call('PEXPIRE', session, ARGV[6])
redis.call('ZREM', unsettled, id)
emit(found[2], ARGV[7], found[3] or '', '{}')
return 1
