"""Model services that can be asked, before an agent starts, whether they will do."""
