"""Training: knows modules, batches and time, and no task."""
