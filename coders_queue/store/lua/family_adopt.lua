-- Count a session as a child of another's, of whom there may be so many.
-- KEYS: the parent's children. ARGV: 1 child, 2 most, 3 now, 4 seconds that they are kept.
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
    return 0
  end
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
