"""`digit-detector` as a user meets it: what it prints, what it refuses, and the exit codes that scripts rely on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import DigitDetector
from detector.cli.main import main
from detector.folders.rows import detections_row
from detector.images.decode import decode_image
from detector.images.draw import encode_image
from detector.results.errors import ImageTooLargeError
from detector.serving.client import DetectorClient
from tests.detector.serving.harness import RunningServer, free_port
from tests.detector.serving.programs import CLI as SERVE
from tests.detector.serving.programs import running

COMMAND = [sys.executable, "-c", "import sys; from detector.cli.main import main; sys.exit(main())"]


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    "command", [[], ["serve"], ["web"], ["detect"], ["detect-folder"], ["export"], ["info"], ["health"]]
)
def test_help_teaches(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert not command or f"examples:\n  digit-detector {command[0]}" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["dtect", "a.png"], "invalid choice"),
        (["detect"], "IMAGE"),
        (["detect-folder", "photos"], "--out"),
        (["detect", "a.png", "--min-score", "high"], "not a score: a number from 0 to 1"),
        (["detect", "a.png", "--min-score", "1.01"], "not a score"),
        (["detect", "a.png", "--min-score", "nan"], "not a score"),
        (["detect", "a.png", "--server", "a:1", "--model", "m"], "not allowed with"),
        (["export", "--format", "keras", "--out", "a"], "invalid choice: 'keras'"),
        (["export", "--format", "onnx"], "--out"),
        (["detect-folder", "photos", "--out", "-"], "--out: standard input/output is not supported here"),
        (
            ["convert", "a.jsonl", "--to", "coco", "--out", "-"],
            "--out: standard input/output is not supported",
        ),
        (
            ["convert", "-", "--to", "coco", "--out", "a"],
            "RESULTS: standard input/output is not supported here",
        ),
        (["report", "-", "--out", "a"], "RESULTS: standard input/output is not supported here: name a file"),
        (["serve", "--port", "65536"], "not a port: a number from 0 to 65535"),
        (["serve", "--port", "-1"], "not a port"),
        (["serve", "--processes", "0"], "not a whole number from 1 to 256"),
        (["serve", "--processes", "two"], "not a whole number"),
        (["serve", "--max-concurrent-images", "0"], "not a whole number from 1 to 1024"),
        (["serve", "--max-concurrent-images", "1.5"], "not a whole number"),
        (["serve", "--grace", "-1"], "not a number of seconds from 0 to 86400"),
        (["serve", "--grace", "nan"], "not a number of seconds"),
        (["health", "--timeout", "soon"], "not a number of seconds"),
        (["detect", "a.png", "--timeout", "0"], "give seconds above 0"),
        (["health", "--timeout", "0"], "give seconds above 0"),
        (["detect", "a.png", "--calls", "65"], "not a whole number from 1 to 64"),
        (["detect", "a.png", "--max-megapixels", "0"], "not a whole number from 1 to 1000"),
        (["serve", "--max-megapixels", "1001"], "not a whole number from 1 to 1000"),
    ],
)
def test_wrong_usage_ends_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "--model", "nowhere"], "nowhere"),
        (["serve", "--port", "0", "--model", "nowhere"], "nowhere"),
        (["info", "--server", "127.0.0.1:1"], "127.0.0.1:1"),
        (["detect", __file__, "--server", "127.0.0.1:1"], "127.0.0.1:1"),
        (["detect", "a.png", "--server", "localhost"], "not HOST:PORT, for example 127.0.0.1:50051"),
        (["detect", "a.png", "--server", "localhost:http"], "'http' is not a port"),
        (["health", "--server", ":1"], "not HOST:PORT"),
        (["info", "--server", "127.0.0.1:1", "--tls-ca", "nowhere.pem"], "nowhere.pem: No such file"),
        (["info", "--server", "127.0.0.1:1", "--tls-cert", "a.pem"], "go together"),
        (["info", "--server", "192.0.2.1:1", "--token-file", __file__], "one line of printable ASCII"),
        (
            ["info", "--token-file", "token"],
            "--token-file is for a server: name one with --server",
        ),
        (["detect", "a.png", "--timeout", "9"], "--timeout is for a server"),
        (["detect-folder", ".", "--out", "out.jsonl", "--calls", "2"], "--calls is for a server"),
        (["detect", "a.png", "--server", "a:1", "--max-megapixels", "9"], "a server has its own limit"),
        (["serve", "--engine", "ray", "--max-megapixels", "9"], "up to 100 megapixels"),
        (["info", "--tls"], "--tls is for a server"),
        (
            ["detect", "a.png", "--annotated", "."],
            "error: argument --annotated: . holds the images themselves",
        ),
        (["detect-folder", "nowhere", "--out", "out.jsonl"], "error: argument IMAGES: the folder nowhere"),
        (["detect-folder", ".", "--out", "."], "error: argument --out: "),
        (
            ["convert", "nowhere", "--to", "coco", "--out", "a"],
            "error: argument RESULTS: nowhere cannot be read",
        ),
        (
            ["convert", __file__, "--to", "coco", "--out", "a", "--merge", "1m"],
            "error: argument --merge: joins",
        ),
        (["report", __file__, "--images", ".", "--out", "."], "error: argument --out: . holds the images"),
        (
            ["detect-folder", ".", "--out", "a", "--strip-location", "--gpx", "x"],
            "error: argument --strip-location: ",
        ),
        (["report", __file__, "--images", __file__, "--out", "a"], "error: argument --images: "),
        (["report", __file__, "--images", "nowhere", "--out", "a"], "nowhere is not a folder"),
        (["detect-folder", ".", "--out", "a", "--seed", "0"], "argument --seed: --seed needs --shuffle"),
        (["detect-folder", ".", "--out", "a", "--null"], "argument -0/--null: "),
        (["detect-folder", ".", "--out", "out.jsonl", "--annotated", "."], "name another folder"),
        (["detect-folder", ".", "--out", "out.jsonl", "--model", "nowhere"], "nowhere"),
        (["detect-folder", ".", "--out", "out.jsonl", "--server", "127.0.0.1:1"], "127.0.0.1:1"),
    ],
)
def test_a_failed_start_is_one_line_and_2_and_leaves_no_file(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.startswith("digit-detector: error: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_json_is_the_row_of_the_folder_job_and_bad_images_do_not_stop_it(
    server: str,
    embedded: DigitDetector,
    real_images: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = [str(path) for path in real_images.values()]
    (tmp_path / "text.png").write_text("not an image")
    images = [good[0], str(tmp_path / "text.png"), str(tmp_path / "gone.png"), *good[1:]]
    assert main(["detect", *images, "--json", "--server", server]) == 1
    found = rows(capsys.readouterr().out)
    assert [row["image"] for row in found] == images
    assert [row["error"]["code"] for row in found if "error" in row] == [
        "IMAGE_UNDECODABLE",
        "IMAGE_UNREADABLE",
    ]
    served = [row for row in found if "error" not in row]
    assert served == [detections_row(path, embedded.detect(Path(path).read_bytes())) for path in good]


def test_files_patterns_folders_and_standard_input_together(
    real_images: dict[str, Path], embedded: DigitDetector, tmp_path: Path
) -> None:
    """Without a server; what is piped on is JSON, and nothing else is said but what is wrong."""
    for number in ("33", "68"):
        (tmp_path / f"{number}.png").symlink_to(real_images[number])
    arguments = [*COMMAND, "detect", "--json", "-", "*.png", "no*.png", str(real_images["31"])]
    with real_images["101"].open("rb") as piped:
        done = subprocess.run(
            arguments, cwd=tmp_path, stdin=piped, capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == ""
    found = {row["image"]: row for row in rows(done.stdout)}
    assert list(found) == ["-", "33.png", "68.png", "no*.png", str(real_images["31"])]
    assert found["no*.png"]["error"]["message"] == "no file matches this pattern"
    for name, number in (("-", "101"), ("33.png", "33"), ("68.png", "68"), (str(real_images["31"]), "31")):
        assert found[name] == detections_row(name, embedded.detect(real_images[number].read_bytes()))
    folder = subprocess.run(
        [*COMMAND, "detect", "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert folder.returncode == 1
    assert folder.stderr == (
        "digit-detector: error: .: a folder, not an image: digit-detector detect-folder reads all images in it\n"
    )


def test_the_table_names_every_digit_and_errors_go_to_standard_error(
    server: str,
    embedded: DigitDetector,
    real_images: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image = str(real_images["68"])
    assert main(["detect", image, str(tmp_path / "gone\x1b.png"), "--server", server]) == 1
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert err.endswith("gone\\x1b.png: the file cannot be read: No such file or directory\n")
    lines = out.splitlines()
    assert lines[0].split() == ["image", "number", "digit", "score", "x_min", "y_min", "x_max", "y_max"]
    assert len(lines) - 1 == len(embedded.detect(Path(image).read_bytes()).digits)


def test_min_score_is_asked_for(
    server: str, real_images: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def digits(score: str) -> list[dict[str, Any]]:
        assert (
            main(["detect", str(real_images["68"]), "--json", "--min-score", score, "--server", server]) == 0
        )
        return rows(capsys.readouterr().out)[0]["digits"]  # type: ignore[no-any-return]

    few, many = digits("0.95"), digits("0.0005")
    assert len(few) < len(many)
    assert all(digit["score"] >= 0.95 for digit in few)


def test_annotated_pictures_are_written(server: str, real_images: dict[str, Path], tmp_path: Path) -> None:
    images = [str(path) for path in real_images.values()]
    assert main(["detect", *images, "--annotated", str(tmp_path / "new" / "out"), "--server", server]) == 0
    for path in real_images.values():
        assert decode_image((tmp_path / "new" / "out" / path.name).read_bytes()).shape[1] >= 400


def test_a_folder_gives_the_same_file_here_and_from_a_server(
    server: str, real_images: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = next(iter(real_images.values())).parent
    for name, where in {"here": [], "served": ["--server", server]}.items():
        assert main(["detect-folder", str(folder), "--out", str(tmp_path / name), *where]) == 0
    assert (tmp_path / "here").read_bytes() == (tmp_path / "served").read_bytes()
    assert [row["image"] for row in rows((tmp_path / "here").read_text())] == sorted(
        path.name for path in folder.glob("*.png")
    )
    assert "4 images (0 not read), " in capsys.readouterr().err


def test_a_folder_with_a_bad_image_ends_with_1(server: str, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("not an image")
    assert (
        main(["detect-folder", str(tmp_path), "--out", str(tmp_path / "out.jsonl"), "--server", server]) == 1
    )
    assert rows((tmp_path / "out.jsonl").read_text())[0]["error"]["code"] == "IMAGE_UNDECODABLE"


def test_info_is_what_the_model_says(
    server: str, embedded: DigitDetector, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", "--server", server]) == 0
    served = capsys.readouterr().out
    assert main(["info"]) == 0
    assert capsys.readouterr().out == served
    info = embedded.info()
    assert f"name: {info.name}\nversion: {info.version}\nsha256: {info.sha256}\n" in served
    assert f"min_digit_height_px: {info.min_digit_height_px}\n" in served
    assert f"default max_detections: {info.defaults.max_detections}\n" in served
    assert "None" not in served


def test_health_is_told_and_is_the_exit_code(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health", "--server", server]) == 0
    assert capsys.readouterr().out == "SERVING\n"
    assert main(["health", "--server", f"127.0.0.1:{free_port()}"]) == 1
    with RunningServer() as loading:
        assert main(["health", "--server", loading.address, "--timeout", "60"]) == 1
    out, err = capsys.readouterr()
    assert out == "NOT_SERVING\n"
    assert err.count("\n") == 1, "one line about the server that is not there"


def test_asking_a_server_does_not_import_tensorflow(server: str, real_images: dict[str, Path]) -> None:
    code = (
        "import sys; from detector.cli.main import main; code = main();"
        "print(*(name for name in ('tensorflow', 'keras') if name in sys.modules), file=sys.stderr); sys.exit(code)"
    )
    arguments = ["detect", "--json", str(real_images["33"]), "--server", server]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == ""
    assert rows(done.stdout)


def test_whoever_reads_the_output_may_stop(server: str, real_images: dict[str, Path]) -> None:
    images = [str(path) for path in real_images.values()] * 50
    with subprocess.Popen(
        [*COMMAND, "detect", *images, "--server", server],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_ctrl_c_ends_with_one_line_and_keeps_the_rows_so_far(
    server: str, real_images: dict[str, Path], tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(3000):
        (photos / f"{number}.png").symlink_to(real_images["68"])
    output = tmp_path / "out.jsonl"
    arguments = ["detect-folder", str(photos), "--out", str(output), "--server", server]
    with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while not (output.exists() and output.stat().st_size):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read().count("\n") == 1, "a line that says how to go on"
    assert process.returncode == 130
    assert 1 <= len(rows(output.read_text())) < 3000, "every line is whole"


SERVE_AND_TELL = """
import sys

class Tell:
    def find_spec(self, name, *_):
        if name == sys.argv[-1]:
            print(name, flush=True)

from detector.cli.main import main
from detector.images.draw import encode_image
sys.meta_path.insert(0, Tell())
sys.exit(main(["serve", "--port", "0"]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("module", ["grpc", "openvino"])
def test_a_server_that_still_loads_stops_with_0(number: signal.Signals, module: str) -> None:
    command = [sys.executable, "-c", SERVE_AND_TELL, module]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{module}\n", "it has come so far and no further"
        process.send_signal(number)
        assert "ready" not in process.stdout.read()
    assert process.returncode == 0


def test_the_limit_of_pixels_is_asked_for(tmp_path: Path, checkout: Path) -> None:
    image, output = tmp_path / "photos" / "a.png", tmp_path / "out.jsonl"
    image.parent.mkdir()
    image.write_bytes(encode_image(np.zeros((1001, 1000, 3), np.uint8), ".png"))
    refusal = "1000 x 1001 = 1,001,000 pixels; at most 1,000,000 are accepted"
    for limit, code in {"1": 1, "2": 0}.items():
        command = ["detect-folder", str(image.parent), "--out", str(output), "--overwrite"]
        assert main([*command, "--max-megapixels", limit]) == code
        assert (refusal in output.read_text()) is (limit == "1")
    with (
        running([*SERVE, "--port", "0", "--max-megapixels", "1"], checkout) as process,
        DetectorClient(process.address()) as client,
    ):
        assert client.info().max_pixels == 1_000_000
        with pytest.raises(ImageTooLargeError, match=refusal):
            client.detect(image.read_bytes())


BEYOND_THE_DEFAULT = """
import sys
from pathlib import Path
from detector.cli.options import max_pixels, prepare_libraries
from detector.cli.main import parser

args = parser().parse_args(["detect", sys.argv[1], *sys.argv[2:]])
prepare_libraries(args)
from detector.images.decode import decode_image
print(decode_image(Path(sys.argv[1]).read_bytes(), max_pixels(args) or 10**9).shape)
"""


@pytest.mark.slow
def test_a_limit_above_the_default_is_told_to_the_library_that_decodes(tmp_path: Path) -> None:
    image = tmp_path / "large.png"
    image.write_bytes(encode_image(np.zeros((10_000, 10_100, 3), np.uint8), ".png"))
    command = [sys.executable, "-c", BEYOND_THE_DEFAULT, str(image)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "ImageUndecodableError" in refused.stderr, "else the option proves nothing"
    decoded = subprocess.run(
        [*command, "--max-megapixels", "101"], capture_output=True, text=True, check=True
    )
    assert decoded.stdout == "(10000, 10100, 3)\n"
