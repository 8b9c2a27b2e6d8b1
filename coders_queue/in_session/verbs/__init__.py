"""The verbs, described: one file each, which names it ``VERB``."""
