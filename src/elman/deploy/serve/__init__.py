"""A saved model behind HTTP and WebSockets: predictions in micro-batches, streams with their state, and a page."""
