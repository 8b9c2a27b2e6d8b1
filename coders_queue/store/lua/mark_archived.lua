-- Note an attempt's complete archive.
-- 5 attempt, 6 kind.
local found = redis.call('HMGET', session, 'attempt', 'archived', 'host')
local known = found[2] or ''
if not found[1] or tonumber(ARGV[5]) > tonumber(found[1]) or listed(known, ARGV[5]) then
  return 0
end
redis.call('HSET', session, 'archived', known == '' and ARGV[5] or known .. ',' .. ARGV[5])
emit(ARGV[5], ARGV[6], found[3] or '', '{}')
return 1
