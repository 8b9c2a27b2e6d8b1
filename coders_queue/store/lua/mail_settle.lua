-- What becomes of messages that a reader has in hand: acknowledged, put back, or dead letters.
-- KEYS as _mail.lua. After its arguments: 9 reader, 10 'acknowledge', 'release' or 'bury', 11 why it
-- is dead, 12 stem of what remembers who acknowledged one, 13 milliseconds for which it does, then
-- the ids.
-- The answer: the ids that are this reader's.
local reader, what, stem = ARGV[9], ARGV[10], ARGV[12]
local own = {}
for position = 14, #ARGV do
  local id = ARGV[position]
  local entry = redis.call('XRANGE', stream, id, id)[1]
  local tries, taken, holder = hand_of(id)
  if not entry then
    if what == 'acknowledge' and redis.call('GET', stem .. id) == reader then
      own[#own + 1] = id
    end
  elseif holder == reader then
    -- also when its time was over, while nobody else has taken it
    own[#own + 1] = id
    local fields = fields_of(entry)
    if what == 'acknowledge' then
      redis.call('SET', stem .. id, reader, 'PX', ARGV[13])
      out(id, fields)
    elseif what == 'release' then
      keep(math.max(0, tries - 1), '0', '', id)
    else
      bury(id, fields, tries, ARGV[11])
    end
  end
end
return own
