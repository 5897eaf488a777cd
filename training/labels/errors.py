"""What stops a parser of labels; its caller knows the file and makes a `Problem` of it."""


class LabelError(Exception):
    """A label file, or a line of it, that cannot be gone on with.

    Attributes:
        line: where, from 1 on.
        text: why.
    """

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


class MissingImageError(Exception):
    """No image of the name that a label file gives is in the data folder."""
