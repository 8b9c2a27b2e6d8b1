-- Give the session to a host, with the next attempt number, whoever else waits.
-- 5 host, 6 states it may be in, 7 the state to be, 8 kind, 9 data, 10 how many sessions the host may
-- have, empty for any number, `running` when it runs there already, 11 `due` when it is whatever the
-- clock says.
local host, begun = ARGV[5], ARGV[10] == 'running'
local found = redis.call('HMGET', session, 'state', 'due_at', 'only_host', 'place')
if not found[1] or not listed(ARGV[6], found[1]) then
  return false
end
if (found[3] or host) ~= host or (tonumber(found[2] or 0) > tonumber(now) and ARGV[11] ~= 'due') then
  return false
end
if found[4] ~= host then
  local claim = claim_of()
  if not begun then
    if ARGV[10] ~= '' and redis.call('SCARD', host_sessions .. host) >= tonumber(ARGV[10]) then
      return false
    end
    if hindered(claim, host) > 0 then
      return false
    end
  end
  release('')
  take(claim, host)
end
leave_line()
return give(host, ARGV[7], ARGV[8], ARGV[9])
