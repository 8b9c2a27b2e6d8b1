"""What each agent CLI needs and says: pure data and small pure code."""
