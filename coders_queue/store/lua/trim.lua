-- Drop those index members whose record is gone.
-- KEYS: the sorted sets to drop from. 1 stem of a session's key, then an id and its member, each.
local dropped = 0
for position = 2, #ARGV, 2 do
  if redis.call('EXISTS', ARGV[1] .. ARGV[position]) == 0 then
    dropped = dropped + 1
    for _, index in ipairs(KEYS) do
      redis.call('ZREM', index, ARGV[position + 1])
    end
  end
end
return dropped
