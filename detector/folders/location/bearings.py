"""The direction from the camera to a number, by where the number is in the picture."""

import math

from detector.folders.rows import Box, FoundRow

FILM_DIAGONAL_MM = math.hypot(36, 24)
"""Of 35 mm film; the equivalent focal length compares diagonals (CIPA DCG-001-2019)."""

MAX_ASPECT = 2.5
"""A longer picture is stitched together: no single lens has seen it."""


def offset_from_axis_deg(row: FoundRow, box: Box) -> float | None:
    """Return the angle between the camera's axis and the middle of a box, of a lens without distortion.

    Args:
        row: the picture with the focal length of its lens.
        box: xyxy in pixels of the picture.

    Returns:
        Degrees to the right, negative to the left; None if the lens is not known.
    """
    focal_mm, width, height = row.capture.focal_length_35mm, row.width_px, row.height_px
    if not focal_mm or max(width, height) > MAX_ASPECT * min(width, height):
        return None
    focal_px = focal_mm * math.hypot(width, height) / FILM_DIAGONAL_MM
    return math.degrees(math.atan(((box[0] + box[2]) / 2 - width / 2) / focal_px))


def bearings(row: FoundRow, box: Box) -> dict[str, float]:
    """`bearing_deg` from true north or `magnetic_bearing_deg`, whichever the camera's heading allows, 0 <= b < 360."""
    offset = offset_from_axis_deg(row, box)
    if offset is None:
        return {}
    headings = {
        "bearing_deg": row.capture.heading_deg,
        "magnetic_bearing_deg": row.capture.magnetic_heading_deg,
    }
    return {
        name: round(heading + offset, 1) % 360 for name, heading in headings.items() if heading is not None
    }
