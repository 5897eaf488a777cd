"""The sections of `scripts/benchmark.py`, and what they measure with."""
