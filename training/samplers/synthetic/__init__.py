"""House numbers and words rendered with this machine's fonts: training data for whoever has none, and more for all."""

from training.samplers.synthetic.fonts import find_fonts, split_fonts
from training.samplers.synthetic.layout import SyntheticConfig
from training.samplers.synthetic.rendering import SyntheticScenes, render_scene, render_scenes, stand_in_set

__all__ = [
    "SyntheticConfig",
    "SyntheticScenes",
    "find_fonts",
    "render_scene",
    "render_scenes",
    "split_fonts",
    "stand_in_set",
]
