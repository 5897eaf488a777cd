"""A model's networks as files for other programs, that need nothing of this package."""

from detector.export.export import export_model
from detector.export.formats import FORMATS

__all__ = ["FORMATS", "export_model"]
