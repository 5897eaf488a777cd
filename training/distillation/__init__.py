"""Distillation: large teachers, whose scores are soft targets for the networks that are shipped."""
