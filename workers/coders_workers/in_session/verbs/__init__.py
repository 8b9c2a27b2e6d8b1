"""Who carries out the verbs: one file each, with a function ``run``."""
