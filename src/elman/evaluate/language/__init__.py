"""Text foretold symbol by symbol: models that only count, and the pages of one that is read beside them."""
