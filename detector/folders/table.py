"""Results as a table for people: one line for each digit, the image and the number named where they begin."""

from collections.abc import Iterator

from detector.detections import ImageDetections
from detector.folders.rows import printable_name

_HEADER = ("image", "number", "digit", "score", "x_min", "y_min", "x_max", "y_max")


def header_line(name_width: int) -> str:
    """The names of the columns; `name_width` characters for the images' names."""
    return _line(name_width, *_HEADER)


def table_lines(name: str, found: ImageDetections, name_width: int) -> Iterator[str]:
    """The lines of one image: scores 0..1, boxes in pixels of the displayed image."""
    image = printable_name(name)
    if not found.numbers:
        yield _line(name_width, image, "-")
    digits = list(found.digits)
    for number in found.numbers:
        text = number.text
        for digit in (digits[index] for index in number.digits):
            edges = (f"{edge:.1f}" for edge in digit.box)
            yield _line(name_width, image, text, str(digit.label), f"{digit.score:.4f}", *edges)
            image = text = ""


def _line(name_width: int, image: str, number: str, *cells: str) -> str:
    return f"{image:<{name_width}}  {number:<8}{''.join(f'{cell:>8}' for cell in cells)}".rstrip()
