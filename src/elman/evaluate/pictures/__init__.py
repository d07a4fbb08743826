"""Pictures that are generated: what they cost, beside counts of neighbouring pixels, and how they look."""
