"""What is shown to networks that learn for long from thousands of pictures: much that is hard to learn by heart."""

from training.samplers.augmentation import Distortion, MixupErasing
from training.samplers.patches import PatchConfig
from training.samplers.windows import WindowConfig

_WIDE = Distortion(angle=8.0, shear=0.12, stretch=0.13)
_DISTURBED = MixupErasing(mixed=0.3, covered=0.2)


def strong_patches() -> PatchConfig:
    """Patches from all sources."""
    return PatchConfig(
        photo_surroundings=0.45,
        crop_fraction=0.19,
        rendered_fraction=0.06,
        random_fraction=0.1,
        distortion=_WIDE,
        mixup_erasing=_DISTURBED,
    )


def strong_windows() -> WindowConfig:
    """Windows from all sources."""
    return WindowConfig(
        crop_fraction=0.16,
        rendered_fraction=0.14,
        miss_fraction=0.12,
        photo_surroundings=0.45,
        distortion=_WIDE,
        mixup_erasing=_DISTURBED,
    )
