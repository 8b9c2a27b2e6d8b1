-- What becomes of messages that a reader has in hand: acknowledged, put back, or dead letters.
-- KEYS as _mail.lua. After its arguments: 8 reader, 9 'acknowledge', 'release' or 'bury', 10 why it
-- is dead, 11 stem of what remembers who acknowledged one, 12 milliseconds for which it does, then
-- the ids.
-- The answer: the ids that are this reader's.
local reader, what, stem = ARGV[8], ARGV[9], ARGV[11]
local own = {}
for position = 13, #ARGV do
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
      redis.call('SET', stem .. id, reader, 'PX', ARGV[12])
      out(id, tonumber(fields.size))
    elseif what == 'release' then
      keep(math.max(0, tries - 1), '0', '', id)
    else
      bury(id, fields, tries, ARGV[10])
    end
  end
end
return own
