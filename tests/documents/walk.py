"""One page's blocks, run from top to bottom in a folder of their own, as a reader would."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.detector.serving.harness import free_port
from tests.documents.commands import check_arguments, is_plain, lines_of, rule_for, run_plain, serves
from tests.documents.pages import CHECKOUT, blocks_of
from tests.documents.workspace import prepare

SHOWN_PORT = "50051"
WEB_PORT = "8080"
METRICS_PORT = "9464"
BARE_SERVER = "digit-detector serve"
PYTHON_ELSEWHERE = ("docs/export.md", "docs/grpc-api.md")
"""Pages whose Python code runs without this package, in tests of their own."""

TRAINING_STEPS = 2
_DECIMAL = re.compile(r"-?\d+\.\d+")
_SPACES = re.compile(r"\s+")
_FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[-1]).read().decode())"


def programs(folder: Path) -> dict[str, str]:
    """An environment that finds the checkout's programs, and stand-ins for those that this machine lacks."""
    folder.mkdir()
    run = "-c 'import sys; from {}.cli.main import main; sys.exit(main())'"
    commands = {
        "digit-detector": run.format("detector"),
        "digit-detector-train": run.format("training"),
        "python": "",
    }
    if shutil.which("grpcurl") is None:
        commands["grpcurl"] = str(Path(__file__).with_name("grpcurl.py"))
    if shutil.which("curl") is None:
        commands["curl"] = f"-c '{_FETCH}'"
    for name, arguments in commands.items():
        (folder / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        (folder / name).chmod(0o755)
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(CHECKOUT)}


def shell(command: str, folder: Path, environment: dict[str, str]) -> str:
    """Runs a command in bash, which must succeed, and returns what it prints."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@contextlib.contextmanager
def serving(command: str, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """Runs a server until the block ends; it must start, and end with 0."""
    with subprocess.Popen(
        ["bash", "-c", f"exec env {command}"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready: "), command
            yield
        finally:
            process.terminate()
    assert process.returncode == 0


def alike(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed; spaces may differ, and decimals a little, as other weights give them."""
    texts = [_SPACES.sub(_one_space, _DECIMAL.sub("#", text)).strip() for text in (shown, printed)]
    pairs = zip(_DECIMAL.findall(shown), _DECIMAL.findall(printed), strict=False)
    return texts[0] == texts[1] and all(abs(float(a) - float(b)) < _tolerance(float(a)) for a, b in pairs)


def _one_space(found: re.Match[str]) -> str:
    """Gives what stands for white space: none within brackets, which NumPy fills up to align."""
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    return "" if before == "[" or after == "]" else " "


def _tolerance(shown: float) -> float:
    return 0.15 if abs(shown) <= 1 else 3.0


def _stream() -> io.TextIOWrapper:
    """Gives a stand-in for standard output that has its methods, too."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


@dataclass
class Walk:
    """A page, the folder in which its blocks run, and what each line of them printed.

    `bare_server` gives the address of a server that was started as `digit-detector serve`, and is shared by pages.
    """

    page: str
    folder: Path
    environment: dict[str, str]
    bare_server: Callable[[], str]
    printed: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        port = str(free_port())
        self._ports = {SHOWN_PORT: port, WEB_PORT: port, METRICS_PORT: str(free_port())}
        self._names: dict[str, object] = {"__name__": "__main__"}
        self._servers = contextlib.ExitStack()
        self._latest = ""

    def run(self) -> None:
        prepare(self.folder, self.page)
        self._choose_server()
        with self._servers, contextlib.chdir(self.folder):
            for block in blocks_of(self.page):
                try:
                    self._run_block(block.language, block.text)
                except Exception as error:
                    error.add_note(f"in the block at {self.page}:{block.line}")
                    raise

    def _choose_server(self) -> None:
        lines = [
            line for block in blocks_of(self.page) if block.language == "sh" for line in lines_of(block.text)
        ]
        own = any(serves(line) and line != BARE_SERVER and rule_for(line) is None for line in lines)
        if not own and any(SHOWN_PORT in block.text for block in blocks_of(self.page)):
            self._ports[SHOWN_PORT] = self.bare_server().rpartition(":")[2]

    def _run_block(self, language: str, text: str) -> None:
        if language == "sh":
            printed = [self._run_line(line) for line in lines_of(text)]
            self._latest = "".join(printed[-1:])
        elif language == "python" and self.page not in PYTHON_ELSEWHERE:
            self._latest = self._run_python(self._at_our_ports(text))
        elif language == "output" and self.page not in PYTHON_ELSEWHERE:
            assert alike(text, self._latest), f"it prints\n{self._latest}instead of\n{text}"

    def _run_line(self, line: str) -> str:
        rule = rule_for(line)
        if rule is not None:
            self.left_out[line] = rule.reason
            check_arguments(line)
            return ""
        if serves(line):
            self._serve(line)
            return ""
        command = self._at_our_ports(line)
        if re.match(r"digit-detector health$", command):
            command += f" --server 127.0.0.1:{self._ports[SHOWN_PORT]}"
        printed = (
            self._run_plain(command) if is_plain(command) else shell(command, self.folder, self.environment)
        )
        self.printed[line] = printed
        return printed

    def _serve(self, line: str) -> None:
        if line != BARE_SERVER:
            self._servers.close()
            command = f"{self._at_our_ports(line)} --port {self._ports[SHOWN_PORT]}"
            self._servers.enter_context(serving(command, self.folder, self.environment))

    def _run_plain(self, command: str) -> str:
        if re.match(r"digit-detector-train (svhn-fcn|refiner) ", command):
            command += f" --steps {TRAINING_STEPS}"
        expected = (0, 1) if " compare " in command else (0,)  # better or not: a figure, and no matter here
        out, err = _stream(), _stream()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run_plain(command)
        assert code in expected, f"exit code {code}: {command}\n{_text(out)}{_text(err)}"
        return _text(out)

    def _run_python(self, code: str) -> str:
        with contextlib.redirect_stdout(_stream()) as out:
            exec(compile(code, self.page, "exec"), self._names)
        return _text(out)

    def _at_our_ports(self, text: str) -> str:
        for shown, ours in self._ports.items():
            text = re.sub(rf"\b{shown}\b", ours, text)
        return text
