"""Pictures: from files and arrays to sequences of rows or of pixels."""
