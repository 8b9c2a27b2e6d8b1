"""``coders context``: facts, decisions and small files that sessions and people share."""
