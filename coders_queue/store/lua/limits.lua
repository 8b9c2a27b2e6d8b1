-- Set and remove limits. The session's key is the stem of all.
-- 5 how many to remove, these, then names and texts of those to set. Sessions that have a place are
-- counted by a new limit at once, and those that wait stand in line as it tells them apart.
local stem = session
local first = 6 + tonumber(ARGV[5])

local function labels()
  local found = {}
  for _, limit in ipairs(all_limits()) do
    if limit.label ~= '*' then
      found[#found + 1] = limit.label
    end
  end
  table.sort(found)
  return table.concat(found, '\n')
end

local before = labels()
local new = {}
for position = 6, first - 1 do
  redis.call('HDEL', limits, ARGV[position])
  redis.call('DEL', limit_sessions .. ARGV[position], limit_rates .. ARGV[position])
end
for position = first, #ARGV, 2 do
  local name, text = ARGV[position], ARGV[position + 1]
  if redis.call('HGET', limits, name) ~= text then
    redis.call('HSET', limits, name, text)
    redis.call('DEL', limit_sessions .. name, limit_rates .. name)
    new[#new + 1] = limit_from(name, text)
  end
end
known_limits = nil

local relined = labels() ~= before
if relined or #new > 0 then
  for _, which in ipairs(redis.call('ZRANGE', live, 0, -1)) do
    id = which
    session = stem .. which
    local found = redis.call('HMGET', session, 'host', 'place', 'line')
    local host = found[1] or found[2]
    if host and host ~= '' then
      local claim = claim_of()
      for _, limit in ipairs(new) do
        if counts(limit, claim, host) then
          redis.call('SADD', limit_sessions .. limit.name, id)
        end
      end
    elseif relined and found[3] then
      leave_line()
      stand_in_line()
    end
  end
end
return #new
