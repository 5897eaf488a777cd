"""The texts of an XML document by their place in it, with lines: hostile documents are refused, not expanded."""

from dataclasses import dataclass, field
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml import DefusedXmlException
from defusedxml.sax import parseString

from training.labels.errors import LabelError

_DEEPEST = 32


@dataclass
class Fields:
    """A part of a document.

    Attributes:
        line: where it begins.
        texts: of each element in it, by the tags that lead to it, for example "bndbox/xmin"; of several the first.
    """

    line: int = 1
    texts: dict[str, str] = field(default_factory=dict)


def read_xml(content: bytes, root: str, repeated: str) -> tuple[Fields, list[Fields]]:
    """What is in the document outside and inside of its `repeated` parts.

    Args:
        content: the document.
        root: the tag that it has to have.
        repeated: the tag, right below the root, of parts that come several times.

    Raises:
        LabelError: where it is no XML, or has entities or a document type.
    """
    handler = _Handler(root, repeated)
    try:
        parseString(content, handler, forbid_dtd=True)
    except SAXParseException as error:
        line = error.getLineNumber() or 1
        raise LabelError(line, f"not XML that is read: {error.getMessage()}") from error
    except DefusedXmlException as error:
        raise LabelError(
            handler.line(), "not XML that is read: it has a document type or entities"
        ) from error
    except (ValueError, LookupError) as error:  # an encoding that is unknown
        raise LabelError(handler.line(), f"not XML that is read: {error}") from error
    return handler.outside, handler.parts


class _Handler(ContentHandler):
    def __init__(self, root: str, repeated: str) -> None:
        super().__init__()
        self.outside = Fields()
        self.parts: list[Fields] = []
        self._root, self._repeated = root, repeated
        self._path: list[str] = []
        self._text: list[str] = []
        self._locator: Locator | None = None

    def line(self) -> int:
        """The line that is being read."""
        return (self._locator.getLineNumber() if self._locator else None) or 1

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - SAX's name
        """Keeps what tells the line."""
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - SAX's name
        """Goes down, into a new part if `name` begins one."""
        if not self._path and name != self._root:
            raise LabelError(self.line(), f"the document is a <{name[:50]}>, not an <{self._root}>")
        self._path.append(name)
        if len(self._path) > _DEEPEST:
            raise LabelError(self.line(), "not XML that is read: it is nested too deeply")
        self._text.clear()
        if self._path[1:] == [self._repeated]:
            self.parts.append(Fields(self.line()))

    def characters(self, content: str) -> None:
        """Gathers the text of the innermost element."""
        self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX's name
        """Keeps the text under its place and goes up."""
        in_part = self._path[1:2] == [self._repeated]
        place = "/".join(self._path[2 if in_part else 1 :])
        texts = (self.parts[-1] if in_part else self.outside).texts
        texts.setdefault(place, "".join(self._text).strip())
        self._text.clear()
        self._path.pop()
