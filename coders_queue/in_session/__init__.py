"""What a session may ask of its host for itself, over a private Unix socket: the agent's own side.

Verbs are described here, each in a file of its own, for the command line, the MCP server, the
reference and the host that carries them out. Standard library only: an agent's call must be quick.
"""
