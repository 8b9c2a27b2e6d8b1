"""Where configuration is read: files, environment, defaults."""
