"""A page for the browser in one piece: a template with its style and its scripts, which loads nothing more.

A page's package holds `page.html`, `page.css` and, where it has scripts, `scripts/*.js`, which are joined in the order
of their names. The shared look and scripts of this package come before them. The policy of a page runs nothing but that
script, by its hash, and lets nothing be fetched but what it names.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from typing import Any, Self

_SHARED = files(__package__)


@dataclass(frozen=True)
class Page:
    """The parts of a page.

    Attributes:
        template: HTML with `$style`, `$script` and the page's own placeholders.
        style: CSS.
        script: JavaScript of one module; empty for none.
    """

    template: str
    style: str
    script: str

    @classmethod
    def of_package(cls, package: str) -> Self:
        """Return the page in a package."""
        folder = files(package)
        own = _scripts(folder)
        return cls(
            _text(folder / "page.html"),
            _text(_SHARED / "look.css") + _text(folder / "page.css"),
            "\n".join([*_scripts(_SHARED), *own]) if own else "",
        )

    def policy(self, images: str, connect: str = "'none'") -> str:
        """Return the value of Content-Security-Policy.

        Args:
            images: where images may come from, such as "'self' data:".
            connect: where the scripts may ask for data.
        """
        return (
            f"default-src 'none'; img-src {images}; connect-src {connect}; style-src '{_hash(self.style)}'; "
            f"script-src '{_hash(self.script)}'; base-uri 'none'; form-action 'none'"
        )

    def render(self, **values: str) -> str:
        """Return the HTML with these values, which must be escaped where they come from elsewhere."""
        return Template(self.template).substitute(style=self.style, script=self.script, **values)


def json_in_page(value: Any) -> str:
    """Return JSON for a block that no browser runs: even the `<` of a closing tag is an escape there."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")


def _scripts(folder: Traversable) -> list[str]:
    scripts = folder / "scripts"
    found = [path for path in scripts.iterdir() if path.name.endswith(".js")] if scripts.is_dir() else []
    return [_text(path) for path in sorted(found, key=lambda path: path.name)]


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(path: Traversable) -> str:
    return path.read_text(encoding="utf-8")
