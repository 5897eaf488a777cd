"""One training run: optimisation, checkpoints, validation, provenance."""
