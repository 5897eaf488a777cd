"""The digits and numbers of an image, with the image at hand to draw it on."""

import io
from dataclasses import dataclass, field

from PIL import Image

from detector.images.draw import annotate
from detector.images.image_sources import GivenImage, Pixels
from detector.results.detections import ImageDetections
from detector.results.errors import DetectorError, ImageUnreadableError

_SHOWN_SIDE_PX = 1280
"""Notebooks show no more of an image, and keep a copy of what they show."""


@dataclass(frozen=True, eq=False, repr=False)
class ImageResult(ImageDetections):
    """The digits and numbers of one image; a notebook shows them painted on it.

    Attributes:
        given: the image that they were found in. A file's path is kept, not its pixels.
    """

    given: GivenImage = field(kw_only=True)

    @property
    def image(self) -> Pixels:
        """The image as it is displayed, (height_px, width_px, 3) uint8 RGB; a file is read again.

        Raises:
            InvalidRequestError: if its file has gone or changed.
        """
        pixels = self.given.pixels()
        if pixels.shape[:2] != (self.height_px, self.width_px):
            raise ImageUnreadableError("the file holds another image now than the one that was read")
        return pixels

    def annotate(self) -> Image.Image:
        """Return a copy of the image with each digit's and number's box, label and score; small images are enlarged.

        Raises:
            InvalidRequestError: if its file has gone or changed.
        """
        return Image.fromarray(annotate(self.image, self))

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.text!r}: {len(self.digits)} digits in {self.width_px} x "
            f"{self.height_px} px, {self.model_name} {self.model_version}>"
        )

    def _repr_png_(self) -> bytes | None:
        """Return the annotated image for a notebook; None, so that it shows the text, if the file has gone."""
        try:
            shown = self.annotate()
        except DetectorError:
            return None
        shown.thumbnail((_SHOWN_SIDE_PX, _SHOWN_SIDE_PX))
        png = io.BytesIO()
        shown.save(png, "PNG")
        return png.getvalue()
