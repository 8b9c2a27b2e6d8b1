-- End the current attempt and the session with it.
-- 5 attempt, 6 states it may be in, 7 the state to be, 8 kind, 9 data, 10 time of end, 11 outcome,
-- 12 what stands between name and id in the index of ended names, 13 whether it counts as a success.
local state, host = legal(ARGV[6], ARGV[5])
if not state then
  return 0
end
end_session(ARGV[5], host, {state = ARGV[7], kind = ARGV[8], data = ARGV[9], at = ARGV[10],
  outcome = ARGV[11], stamp = ARGV[12], counts = ARGV[13]})
return 1
