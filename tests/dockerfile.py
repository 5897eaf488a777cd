"""A Dockerfile's instructions, and their execution in bare roots where no container engine is at hand."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """One FROM and what follows it.

    Attributes:
        base: the image's name.
        name: what later stages call it.
        instructions: each instruction and its arguments, in order.
    """

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def words(self, instruction: str) -> list[str]:
        """The arguments of the last such instruction, which is written as a JSON list."""
        text = [arguments for name, arguments in self.instructions if name == instruction][-1]
        words: list[str] = json.loads(text[text.index("[") :])
        return words


def stages_of(path: Path) -> list[Stage]:
    stages: list[Stage] = []
    for line in path.read_text(encoding="utf-8").replace("\\\n", "").splitlines():
        if not line or line.startswith("#"):
            continue
        instruction, arguments = line.split(maxsplit=1)
        if instruction == "FROM":
            base, *name = arguments.split(" AS ")
            stages.append(Stage(base, name[0] if name else ""))
        else:
            stages[-1].instructions.append((instruction, arguments))
    return stages


class BareRoot:
    """A folder with a system in it that stands in for a container's file system; to be used by root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp"}
        self.user = "0:0"
        self.workdir = Path("/")

    def command(self, *words: str) -> list[str]:
        """The words as a command of the current user in the root, which has a /proc as containers have."""
        settings = [f"{name}={value}" for name, value in self.environment.items()]
        script = 'mount -t proc proc "$0/proc" && exec chroot "$@"'
        chroot = [f"--userspec={self.user}", str(self.folder), "/usr/bin/env", "-i", *settings, *words]
        return ["unshare", "--mount", "/bin/sh", "-c", script, str(self.folder), *chroot]

    def build(self, stage: Stage, context: Path, others: "dict[str, BareRoot]") -> None:
        """Executes a stage's instructions; those that only describe the image do nothing here."""
        actions: dict[str, Callable[[str], None]] = {
            "WORKDIR": self._change_folder,
            "COPY": lambda text: self._copy(shlex.split(text), context, others),
            "RUN": self._run,
            "ARG": lambda text: self.environment.setdefault(*text.split("=", 1)),
            "ENV": lambda text: self.environment.update([text.split("=", 1)]),
            "USER": lambda text: setattr(self, "user", text),
        }
        for instruction, arguments in stage.instructions:
            actions.get(instruction, lambda _: None)(arguments)

    def _inside(self, path: str | Path) -> Path:
        return self.folder / str(self.workdir / path).lstrip("/")

    def _change_folder(self, text: str) -> None:
        self.workdir = self.workdir / text
        self._inside("").mkdir(parents=True, exist_ok=True)

    def _run(self, text: str) -> None:
        script = f"cd {shlex.quote(str(self.workdir))} && {text}"
        subprocess.run(self.command("/bin/sh", "-c", script), check=True)

    def _copy(self, words: list[str], context: Path, others: "dict[str, BareRoot]") -> None:
        if words[0].startswith("--from="):
            source = others[words.pop(0).removeprefix("--from=")].folder
            sources = [source / word.lstrip("/") for word in words[:-1]]
        else:
            sources = [context / word for word in words[:-1]]
        target = self._inside(words[-1])
        for path in sources:
            if path.is_dir():
                shutil.copytree(path, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(path, target / path.name if words[-1].endswith("/") else target)


def make_bare_root(folder: Path, release: str) -> None:
    """A small Debian with Python, by debootstrap and from where this machine has its packages.

    It also gets what tells pip where this machine has its packages, which the image does not need.
    """
    sites = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)", f"Release: {release}"],
        check=True,
        text=True,
        capture_output=True,
    ).stdout.split()
    include = "--include=python3,python3-venv,ca-certificates"
    subprocess.run(["debootstrap", "--variant=minbase", include, release, folder, sites[0]], check=True)
    for name in ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/ssl/certs/ca-certificates.crt"):
        if (Path("/") / name).exists():
            shutil.copy(Path("/") / name, folder / name)


PIP_ENVIRONMENT = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
"""The same, as far as it is in the environment."""
