"""What goes on inside: a step at a time, gradients through time, and why an answer is what it is."""
