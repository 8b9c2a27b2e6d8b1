"""The host side: one worker process a machine, and the sessions it owns."""
