"""Text: read from files, cut into words, letters or pieces of words, and numbered."""
