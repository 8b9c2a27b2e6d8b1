# What the built-in agent does in the demo, in place of Claude Code: a real fix, tested, committed.
# Short pauses, so that it can be watched.
set -e
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

echo "I run the tests first."
python3 -m unittest 2>&1 | grep -E '^(FAIL|AssertionError|Ran|OK)' || true
sleep 1

echo "A discount in percent is taken off as if it were cents. I correct prices.py."
sed -i 's|return sum(prices) - discount_percent|return sum(prices) * (100 - discount_percent) // 100|' prices.py
git --no-pager diff --unified=0 -- prices.py | tail -n 2
sleep 1

echo "The tests again:"
python3 -m unittest 2>&1 | grep -E '^(FAIL|Ran|OK)'
python3 -m unittest -q 2>/dev/null
git commit -q -a -m "Take the discount as a share of the sum"
echo "Committed."
