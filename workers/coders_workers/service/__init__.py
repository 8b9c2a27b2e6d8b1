"""The local stack as a service of the machine: what systemd and launchd are told of it."""
