"""How well sentences were translated: scores, what they are read beside, and what is said of them."""
