-- Hand out messages to a reader; or, when it wants none, only make dead letters of those at the
-- beginning that are too old, and of all when the receiver has ended.
-- KEYS as _mail.lua. After its arguments: 9 reader, 10 how many at most, 11 seconds after which one
-- in hand is handed out again, 12 how often, 13 seconds after which one is too old, 14 bytes at
-- most, 15 to 17 why one is dead: the receiver's end, its age, its tries.
-- The answer: how many became dead letters, then id, tries and fields of each that is handed out.
local reader, limit, again = ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11])
local most, expiry, room = tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14])
local PAGE = 50
local ended = over() ~= nil
local taken, blocked, buried, size = {}, {}, 0, 0

local function look(entry)
  local id, fields = entry[1], fields_of(entry)
  local tries, at, holder = hand_of(id)
  -- a time that lies far ahead: the clock was set back, and nobody waits until it has caught up
  local held = holder ~= '' and math.abs(time - at) < again
  if ended then
    bury(id, fields, tries, ARGV[15])
    buried = buried + 1
  elseif held and holder ~= reader then
    blocked[fields.sender] = true
  elseif not held and tonumber(fields.at) + expiry <= time then
    bury(id, fields, tries, ARGV[16])
    buried = buried + 1
  elseif not held and tries >= most then
    bury(id, fields, tries, ARGV[17])
    buried = buried + 1
  elseif limit > 0 and not blocked[fields.sender] then
    if not held then
      tries = tries + 1
    end
    keep(tries, now, reader, id)
    size = size + tonumber(fields.size)
    taken[#taken + 1] = {id, string.format('%d', tries), entry[2]}
  end
end

local from = '-'
while true do
  local page = redis.call('XRANGE', stream, from, '+', 'COUNT', PAGE)
  for _, entry in ipairs(page) do
    look(entry)
    if limit > 0 and (#taken >= limit or size >= room) then
      return {buried, taken}
    end
  end
  if #page < PAGE or (limit == 0 and not ended) then
    if redis.call('XLEN', stream) == 0 then
      redis.call('ZREM', index, address)  -- it may have gone with its time
    end
    return {buried, taken}
  end
  local milliseconds, sequence = string.match(page[#page][1], '^(%d+)-(%d+)$')
  from = milliseconds .. '-' .. string.format('%d', tonumber(sequence) + 1)
end
