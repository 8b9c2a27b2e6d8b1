"""The state: sessions, names, leases and events, in Redis or in memory."""
