"""Files and frames to examples, examples to batches: the only room that opens files."""
