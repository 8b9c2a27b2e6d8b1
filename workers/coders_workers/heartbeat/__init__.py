"""The host's word of itself, sent again and again: who of its sessions lives, by a real look."""
