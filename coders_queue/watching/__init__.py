"""What an agent is doing, told from several signals over time. Pure: no I/O, no clock."""
