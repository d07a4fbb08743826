"""How well texts were spoken: the attention's focus, distances of sounds, and what is said of them."""
