"""Which images are wanted, and in which order."""

import os
import random
from pathlib import Path

import pytest

from detector.folders.listing import ImageFile, Selection
from detector.results.errors import ImageUnreadableError

NAMES = ["1.jpg", "a/1.jpg", "a/thumbs/1.jpg", "b/2.JPG", os.fsdecode(b"b/\xff.jpg"), "b/new\nline.jpg"]


def images(names: list[str]) -> list[ImageFile]:
    return [ImageFile(Path(name), name) for name in names]


@pytest.mark.parametrize(
    ("include", "exclude", "wanted", "reason"),
    [
        ((), (), NAMES, "all without patterns"),
        (("a/*",), (), NAMES[1:3], "a star matches slashes too"),
        (("1.jpg",), (), NAMES[:1], "a pattern is for the whole path, not for the last part"),
        (("*1.jpg", "b/*"), (), NAMES, "one match is enough"),
        ((), ("*/thumbs/*",), NAMES[:2] + NAMES[3:], "a folder left out"),
        (("a/*",), ("*/thumbs/*",), NAMES[1:2], "excluded from what is included"),
        (("*.jpg",), (), NAMES[:3] + NAMES[4:], "case counts"),
        ((), ("*[!g]",), NAMES[:3] + NAMES[4:], "a set of characters"),
        (("b/new\n*",), (), NAMES[5:], "a newline is a character as any other"),
        ((os.fsdecode(b"b/\xff*"),), (), NAMES[4:5], "and so is a byte that is no UTF-8"),
        (("",), (), [], "an empty pattern matches nothing"),
    ],
)
def test_patterns(include: tuple[str, ...], exclude: tuple[str, ...], wanted: list[str], reason: str) -> None:
    selection = Selection(include, exclude)
    assert {image.name for image in selection.of(images(NAMES))} == set(wanted), reason


def test_the_order_is_that_of_the_names_whatever_came_first() -> None:
    shuffled = random.Random(1).sample(NAMES, len(NAMES))
    assert Selection().of(images(shuffled)) == Selection().of(images(NAMES))


def test_a_seed_gives_one_order_and_another_seed_another() -> None:
    names = [f"{number}.jpg" for number in range(100)]

    def order(seed: int, of: list[str]) -> list[str]:
        return [image.name for image in Selection(shuffle_seed=seed).of(images(of))]

    assert order(1, names) == order(1, names[::-1])
    assert len({tuple(order(seed, names)) for seed in (0, 1, 2, -1)}) == 4
    assert sorted(order(1, names)) == sorted(names)
    fewer = [name for name in names if "7" not in name]
    assert order(1, fewer) == [name for name in order(1, names) if name in fewer], (
        "the others keep their order"
    )


def test_the_order_of_a_seed_stays_the_same_in_later_versions() -> None:
    assert [image.name for image in Selection(shuffle_seed=0).of(images(NAMES[:4]))] == [
        "1.jpg",
        "b/2.JPG",
        "a/1.jpg",
        "a/thumbs/1.jpg",
    ]


def test_a_folder_that_cannot_be_read_is_told_whatever_the_patterns() -> None:
    closed = ImageFile(Path("closed"), "closed", ImageUnreadableError("the folder cannot be read"))
    assert Selection(("a/*",), ("*",)).of([closed]) == (closed,)
