"""What is shown to networks that learn for long from thousands of pictures: much that is hard to learn by heart."""

from training.disturbance import Disturbance
from training.looks import LookConfig
from training.patches import PatchConfig
from training.warp import Distortion

_WIDE = Distortion(angle=8.0, shear=0.12, stretch=0.13)
_DISTURBED = Disturbance(mixed=0.3, covered=0.2)


def hard_patches() -> PatchConfig:
    """Patches from all sources."""
    return PatchConfig(
        photo_surroundings=0.45,
        crop_part=0.19,
        other_digit_part=0.04,
        rendered_part=0.06,
        anywhere_part=0.1,
        distortion=_WIDE,
        disturbance=_DISTURBED,
    )


def hard_looks() -> LookConfig:
    """Windows from all sources."""
    return LookConfig(
        crop_part=0.16,
        rendered_part=0.14,
        miss_part=0.12,
        photo_surroundings=0.45,
        distortion=_WIDE,
        disturbance=_DISTURBED,
    )
