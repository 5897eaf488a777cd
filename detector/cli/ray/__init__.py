"""The parts of commands that are for a Ray cluster."""
