"""Files and frames to examples, examples to batches: what all kinds of data share, and a room for each kind."""
