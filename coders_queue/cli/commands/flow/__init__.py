"""Commands about flows of sessions."""
