"""Texts of signs: house numbers, and the words and letters around them."""

import numpy as np

_STREETS = (
    "Street", "Avenue", "Road", "Lane", "Court", "Place", "Drive", "Rue", "Impasse", "Chemin", "Via", "Viale",
    "Piazza", "Calle", "Plaza", "Rua", "Weg", "Gasse", "Platz", "Allee", "Ulica", "Straat", "Gata", "Villa",
    "Casa", "Residence", "House", "Cottage", "Apt", "Floor", "Office", "Suite", "Entrance", "Private", "Parking",
    "Open", "Closed", "Exit", "Push", "Bell", "Post", "Letters", "No", "Please", "Welcome", "Family", "Doctor",
    "Hotel", "Bar", "Cafe", "Shop", "Sale", "Taxi", "Bus", "School", "Library", "Studio", "Garage", "Danger",
    "Room", "Level", "Building", "Lecture", "Theatre", "Faculty", "Science",
    "Blvd", "Ave", "Rd", "Dr", "Ste", "East", "West", "North", "South", "Old", "New", "Saint", "Park", "Hill",
    "OIL", "BOIS", "SOIL", "LIBRO", "SIZZLE", "BLISS", "ISOLA", "BOSS", "ZOO", "OSLO", "LILLIE", "SOLO", "Gloss",
)  # fmt: skip
_ONSETS = (
    "b",
    "br",
    "c",
    "d",
    "f",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "st",
    "t",
    "v",
    "w",
    "z",
)
_VOWELS = ("a", "e", "i", "o", "u", "ee", "ou", "ai", "o", "i")
_CODAS = ("", "", "n", "l", "ll", "r", "s", "rt", "x", "ck", "lb")
_SUFFIXES = "AAABBBCCDDDEFGHKRUabbcdehn"
_FREQUENCIES = np.array([14, 14, 9, 9, 9, 9, 9, 9, 9, 9]) / 100
"""Of the ten digits: 0 and 1, which differ most from font to font, come more often."""
_LONE_LETTERS = "ACEFHKMNPRTUVWXYackmnprtuvwx"
"""Letters that stand alone; O, I, l, B, S and Z are digits as far as a picture tells."""


def house_number(rng: np.random.Generator, lengths: tuple[float, ...]) -> str:
    """Digits; their count is drawn from the chances of 1, 2, 3 ... digits. The first is rarely a 0."""
    count = int(rng.choice(len(lengths), p=lengths)) + 1
    figures = rng.choice(10, count, p=_FREQUENCIES)
    if rng.random() < 0.95:
        figures[0] = rng.integers(1, 10)
    if count == 3 and rng.random() < 0.35:  # a room: its floor, then few rooms
        figures[1] = rng.integers(0, 3)
    if rng.random() < 0.08:
        figures[:] = figures[0]
    return "".join(map(str, figures))


def number_list(rng: np.random.Generator, lengths: tuple[float, ...]) -> str:
    """Two to five numbers in one line, mostly with signs between them."""
    count = int(rng.choice((2, 3, 4, 5), p=(0.4, 0.35, 0.15, 0.1)))
    between = ("; ", ", ", " - ", "  ", " / ", " & ", "-", " + ")[int(rng.integers(8))]
    return between.join(house_number(rng, lengths) for _ in range(count))


def decorated(number: str, rng: np.random.Generator) -> str:
    """Return the number as it is written: mostly alone, else with a letter, a range, a fraction or a sign before it."""
    chance = rng.random()
    if chance < 0.68:
        return number
    if chance < 0.88:
        return number + ("", " ", "-")[int(rng.integers(3))] + _pick(_SUFFIXES, rng)
    if chance < 0.95:
        return (
            ("N°", "No", "No.", "Nr.", "#", "N ")[int(rng.integers(6))] + " " * int(rng.integers(2)) + number
        )
    return number + ("-", "/", " - ")[int(rng.integers(3))] + str(rng.integers(1, 100))


def telephone(rng: np.random.Generator) -> str:
    """Return groups of digits with signs between them."""
    groups = rng.integers(2, 5)
    return ("-", " ", ".", "/")[int(rng.integers(4))].join(
        "".join(map(str, rng.integers(10, size=rng.integers(2, 5)))) for _ in range(groups)
    )


def phrase(rng: np.random.Generator, longest: int = 3) -> str:
    """Draw one to `longest` words in capitals, small letters or a mix; never digits."""
    words = [_word(rng) for _ in range(rng.integers(1, longest + 1))]
    text = ("-" if rng.random() < 0.08 else " ").join(words)
    chance = rng.random()
    if chance < 0.45:
        return text.upper()
    return text if chance < 0.8 else text.lower()


def lone_letters(rng: np.random.Generator) -> str:
    """Draw one or two letters that nobody takes for digits."""
    return "".join(_pick(_LONE_LETTERS, rng) for _ in range(rng.integers(1, 3)))


def _word(rng: np.random.Generator) -> str:
    """Return a word of three letters or more, known or made up."""
    if rng.random() < 0.4:
        word = _STREETS[int(rng.integers(len(_STREETS)))]
        return word if len(word) > 2 else word + "."
    syllables = (
        _pick(_ONSETS, rng) + _pick(_VOWELS, rng) + _pick(_CODAS, rng) for _ in range(rng.integers(1, 4))
    )
    word = "".join(syllables).capitalize()
    return word if len(word) > 2 else word + "nt"


def _pick(choices: str | tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
