"""The host's Unix socket: what people and programs on this machine ask of its worker."""
