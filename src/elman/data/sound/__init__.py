"""Sound: read from files, trimmed, and made frames of numbers."""
