"""A number a row: how far off the guesses are, and the pages that show it."""
