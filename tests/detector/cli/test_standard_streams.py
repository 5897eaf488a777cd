"""Standard streams as shells leave them: closed, broken, full; real processes, as only these have them."""

import subprocess
import sys

import pytest

DETECTOR = "from detector.cli.main import main"
TRAINER = "from training.cli.main import main"

PRINTING = """
import sys
from detector.cli.program import run_command
def command():
    print("a result")
    print("a word", file=sys.stderr)
    opened = open("/dev/null")
    assert opened.fileno() > 2, "a file took the place of a standard stream"
    assert sys.stdin.read() == ""
    return 7
sys.exit(run_command(command))
"""


def shell(line: str, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs `python -c PROGRAM ARGUMENTS` in a shell line, where it is called `$RUN`."""
    words = ["bash", "-c", line.replace("$RUN", '"$0" -c "$@"'), sys.executable, program, *arguments]
    return subprocess.run(
        words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=300
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_the_null_device(closed: str) -> None:
    done = shell(f"$RUN {closed}", PRINTING)
    assert done.returncode == 7
    assert done.stdout == ("" if ">&-" in closed.replace("2>&-", "") else "a result\n")
    assert done.stderr == ("" if "2>&-" in closed else "a word\n")


@pytest.mark.parametrize("program", [DETECTOR, TRAINER])
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_both_commands_start_with_closed_streams(program: str, closed: str) -> None:
    done = shell(f"$RUN --help {closed}", f"import sys; {program}; sys.exit(main())")
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize("redirection", ["", "2>&1"])
def test_a_reader_that_goes_ends_the_command_in_silence(redirection: str) -> None:
    program = """
import sys
from detector.cli.program import run_command
def command():
    while True:
        print("line", flush=True)
sys.exit(run_command(command))
"""
    done = shell(f"$RUN {redirection} | head -1; echo ${{PIPESTATUS[0]}}", program)
    assert done.stdout == "line\n1\n"
    assert done.stderr == ""


def test_the_trainer_ends_in_silence_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("labels")
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    for number in range(2000):  # more lines than a pipe holds
        (folder / "labels" / f"{'x' * 60}{number}.txt").write_text("11 0.5\n")
    (folder / "data.yaml").write_text("train: images\nnames: ['0', '1']\n")
    done = shell(
        "$RUN | head -1 >/dev/null; echo ${PIPESTATUS[0]}",
        f"import sys; {TRAINER}; sys.exit(main())",
        *("check", "--data", str(folder)),
    )
    assert done.stdout in ("1\n", "2\n"), "2 where the data is refused before anything is printed"
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_full_disk_behind_standard_output_is_one_line() -> None:
    done = shell("$RUN >/dev/full", PRINTING)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == (
        "digit-detector: error: standard output cannot be written: No space left on device"
    )
    assert "Traceback" not in done.stderr
