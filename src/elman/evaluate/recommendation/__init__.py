"""How well the next item of a session was told: ranks, what counts items and sessions alone, and what is said of it."""
