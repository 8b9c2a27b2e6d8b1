"""Files of keys and values that people write, in YAML, JSON or TOML: read safely, with lines."""
