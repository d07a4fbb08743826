"""How well speech was written down: scores, what they are read beside, and what is said of them."""
