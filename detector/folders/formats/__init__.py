"""Results in the formats of other programs: spreadsheets, labelling tools, evaluation and training."""

from detector.folders.formats.convert import FORMATS, Conversion, convert

__all__ = ["FORMATS", "Conversion", "convert"]
