"""A training run on several workers."""
