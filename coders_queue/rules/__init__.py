"""Rules: read, checked and decided on, as a pure function of an event and what is known of it."""
