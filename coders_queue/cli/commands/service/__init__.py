"""The commands below ``coders service``, and what they share."""
