"""What came of a folder job, counted row by row."""

from dataclasses import dataclass

from detector.folders.rows import Row


@dataclass(frozen=True)
class FolderSummary:
    """The rows of an output, earlier runs' included.

    Attributes:
        rows: rows, one for each image.
        errors: those of them that say why an image, or a folder of images, could not be read.
        digits: digits found.
        numbers: numbers found.
    """

    rows: int = 0
    errors: int = 0
    digits: int = 0
    numbers: int = 0

    def plus(self, row: Row) -> "FolderSummary":
        """This summary with one more row in it."""
        return FolderSummary(
            self.rows + 1,
            self.errors + ("error" in row),
            self.digits + len(row.get("digits", ())),
            self.numbers + len(row.get("numbers", ())),
        )

    def joined(self, other: "FolderSummary") -> "FolderSummary":
        """This summary and another's rows."""
        return FolderSummary(
            self.rows + other.rows,
            self.errors + other.errors,
            self.digits + other.digits,
            self.numbers + other.numbers,
        )
