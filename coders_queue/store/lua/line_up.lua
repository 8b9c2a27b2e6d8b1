-- See that whoever may wait for a turn does: sessions that an older version wrote, say.
-- The session's key is the stem of all. Then ids. Answers how many did not.
local stem = session
local count = 0
for position = 5, #ARGV do
  id = ARGV[position]
  session = stem .. id
  local found = redis.call('HMGET', session, 'line', 'request', 'attempt', 'state')
  local arrived = found[2] or tonumber(found[3] or 0) > 0
  if found[4] and arrived and not found[1] and redis.call('ZSCORE', queued, id)
    and not redis.call('ZSCORE', parked, id) then
    stand_in_line()
    count = count + 1
  end
end
return count
