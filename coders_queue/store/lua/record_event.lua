-- Append an event that changes no state, with the host the session is on.
-- 5 attempt, 6 kind, 7 data.
return emit(ARGV[5], ARGV[6], redis.call('HGET', session, 'host') or '', ARGV[7])
