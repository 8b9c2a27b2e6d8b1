"""What agents at their terminals ask a person: seen, put into the one queue, and answered there."""
