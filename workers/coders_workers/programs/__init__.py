"""The agents' programs on this machine: where they are, and which version each is."""
