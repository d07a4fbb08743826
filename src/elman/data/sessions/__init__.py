"""Sessions: who took which item when, made rows of numbers and handed to training side by side."""
