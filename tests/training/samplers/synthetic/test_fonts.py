"""Which fonts count as legible, and that a glyph's numbers describe its ink."""

import shutil
from pathlib import Path
from string import ascii_letters, digits

import matplotlib
import numpy as np
import pytest

from training.errors import DataError
from training.samplers.synthetic.fonts import find_fonts, font_glyphs, split_fonts, stroke_width

BUNDLED = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def test_fonts_that_come_with_matplotlib_are_always_found_once_and_in_one_order():
    fonts = find_fonts()
    names = [path.name for path in fonts]
    assert {"DejaVuSansMono.ttf", "STIXGeneral.ttf"} <= set(names)
    assert len(names) == len(set(names))
    assert list(fonts) == sorted(fonts, key=lambda path: (path.stem.partition("-")[0].lower(), path.name))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("STIXSizOneSymReg.ttf", id="large brackets, no digits"),
        pytest.param("STIXNonUni.ttf", id="symbols at private places"),
        pytest.param("cmsy10.ttf", id="mathematical symbols where digits would be"),
        pytest.param("cmex10.ttf", id="pieces of brackets where digits would be"),
        pytest.param("cmmi10.ttf", id="old-style figures of unequal height"),
    ],
)
def test_fonts_without_plain_digits_are_left_out(name):
    assert (BUNDLED / name).is_file()
    assert name not in {path.name for path in find_fonts()}


def test_fonts_of_a_folder_are_found_in_it_alone(tmp_path):
    (tmp_path / "family").mkdir()
    shutil.copy(BUNDLED / "DejaVuSans.ttf", tmp_path / "family" / "dejavu.ttf")
    (tmp_path / "family" / "LICENSE").write_text("free")
    assert find_fonts(tmp_path) == (tmp_path / "family" / "dejavu.ttf",)


def test_a_folder_without_fonts_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(DataError, match="digit-detector-train fonts"):
        find_fonts(tmp_path)


def test_families_are_either_for_training_or_for_measuring():
    fonts = find_fonts()
    training, measuring = split_fonts(fonts)
    assert training
    assert measuring
    assert sorted([*training, *measuring]) == sorted(fonts)
    families = [{path.stem.partition("-")[0].lower() for path in part} for part in (training, measuring)]
    assert not families[0] & families[1]


def test_one_family_serves_for_both():
    only = [BUNDLED / "DejaVuSans.ttf", BUNDLED / "DejaVuSans-Bold.ttf"]
    assert split_fonts(only) == (sorted(only), sorted(only))


@pytest.mark.parametrize("height", [16, 64, 200])
def test_glyphs_are_measured_in_heights_of_a_digit(height):
    glyphs = font_glyphs(BUNDLED / "DejaVuSans.ttf", height)
    assert set(digits + ascii_letters) <= set(glyphs)
    for digit in digits:
        glyph = glyphs[digit]
        top, bottom = glyph.outline[:, 1].min(), glyph.outline[:, 1].max()
        assert bottom - top == pytest.approx(1, abs=0.05 + 2 / height)
        assert bottom == pytest.approx(0, abs=0.03 + 2 / height), "on the baseline, round ones a little below"
        rows, columns = np.nonzero(glyph.masks[0] > 127)
        low = glyph.origin + np.array([columns.min(), rows.min()]) * glyph.pixel
        assert np.allclose(low, glyph.outline.min(axis=0))


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        pytest.param("cmtt10.ttf", 0.08, 0.14, id="typewriter"),
        pytest.param("DejaVuSans.ttf", 0.1, 0.16, id="regular"),
        pytest.param("DejaVuSans-Bold.ttf", 0.2, 0.28, id="bold"),
    ],
)
def test_stroke_widths_tell_thin_from_bold(name, least, most):
    assert least < stroke_width(BUNDLED / name) < most
