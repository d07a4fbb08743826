"""How well texts were summarized: scores, what they are read beside, and what is said of them."""
