-- Keep the request context, the first one only.
-- 5 request, 6 inputs, empty to leave those it has, 7 states in which it is to wait for its turn.
if redis.call('EXISTS', session) == 0 or redis.call('HSETNX', session, 'request', ARGV[5]) == 0 then
  return 0
end
if ARGV[6] ~= '' then
  redis.call('HSET', session, 'inputs', ARGV[6])
end
if listed(ARGV[7], redis.call('HGET', session, 'state')) then
  leave_line()
  stand_in_line()
end
return 1
