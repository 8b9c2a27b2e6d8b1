-- Ask for the end: at once where no host has the session, else noted for the host.
-- 5 reason, 6 states that end at once, 7 states in which the host is to act, 8 kind of the request,
-- 9 the state to be, 10 kind, 11 data, 12 time of end, 13 outcome, 14 stamp and 15 whether it counts
-- as for finish, then the fields to return.
local found = redis.call('HMGET', session, 'state', 'attempt', 'host')
local state, attempt, host = found[1], found[2], found[3] or ''
if not state then
  return false
end
if listed(ARGV[6], state) then
  redis.call('HSETNX', session, 'cancel_reason', ARGV[5])
  end_session(attempt, host, {state = ARGV[9], kind = ARGV[10], data = ARGV[11], at = ARGV[12],
    outcome = ARGV[13], stamp = ARGV[14], counts = ARGV[15]})
elseif listed(ARGV[7], state) then
  if redis.call('HSETNX', session, 'cancel_reason', ARGV[5]) == 1 then
    emit(attempt, ARGV[8], host, '{}')
  end
end
return redis.call('HMGET', session, unpack(ARGV, 16))
