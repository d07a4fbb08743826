"""Out of the workshop: a model stepped along a stream, taken to other runtimes and from them, and served."""
