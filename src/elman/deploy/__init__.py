"""Out of the workshop: a fitted model stepped along a stream, exported to other runtimes, imported from them, served."""
