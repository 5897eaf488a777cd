"""The README's way from labelled pictures to a fine-tuned, compared, exported and served model, walked as written.

Only the schedule is another: two batches for each network. And the port, which another server may hold.
"""

import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest

import detector.cli.main
import training.cli.main
from detector.models.model_files import load_model
from tests.detector.serving.harness import free_port
from tests.test_readme import ADDRESS, section
from tests.test_readme_serving import programs, serving
from tests.training.official_files import REAL, TEST_DATA

__all__ = ["programs"]  # a fixture

PICTURES = {"train": 40, "val": 5, "test": 5}


def write_yolo(folder: Path) -> None:
    """Fifty small pictures: real numbers, each in another size and light."""
    rng = np.random.default_rng(0)
    for split, count in PICTURES.items():
        (folder / "images" / split).mkdir(parents=True)
        (folder / "labels" / split).mkdir(parents=True)
        for number in range(count):
            name = list(REAL)[number % len(REAL)]
            image = cv2.imread(str(TEST_DATA / f"svhn_train_{name}"))
            assert image is not None
            height, width = image.shape[:2]
            lines = [
                f"{label} {(x + w / 2) / width} {(y + h / 2) / height} {w / width} {h / height}\n"
                for label, x, y, w, h in REAL[name]
            ]
            scale = 40 / height * rng.uniform(0.8, 1.2)
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            lit = cv2.convertScaleAbs(small, alpha=rng.uniform(0.6, 1.0))
            cv2.imwrite(str(folder / "images" / split / f"{number}.png"), lit)
            (folder / "labels" / split / f"{number}.txt").write_text("".join(lines))
    splits = "".join(f"{split}: images/{split}\n" for split in PICTURES)
    (folder / "data.yaml").write_text(f"{splits}names: {[str(digit) for digit in range(10)]}\n")


def run(line: str) -> int:
    program, *arguments = shlex.split(line)
    if arguments[0] in ("svhn-fcn", "refiner"):
        arguments += ["--steps", "2"]
    return {"digit-detector": detector.cli.main.main, "digit-detector-train": training.cli.main.main}[
        program
    ](arguments)


@pytest.mark.slow
def test_from_pictures_to_a_served_model(
    checkout: Path,
    tmp_path: Path,
    programs: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address = f"127.0.0.1:{free_port()}"
    shown = re.findall(r"```sh\n(.*?)```", section(checkout, "Fine-tune"), re.DOTALL)
    (*lines, serve), (detect,) = (block.replace(ADDRESS, address).splitlines() for block in shown[:2])
    write_yolo(tmp_path / "mine")
    (tmp_path / "house.jpg").write_bytes((TEST_DATA / "svhn_train_5.png").read_bytes())
    monkeypatch.chdir(tmp_path)
    for line in lines:
        code = run(line)
        printed = capsys.readouterr().out
        if " compare " in line:
            assert code in (0, 1), "so few batches make the model better or worse"
            assert re.search(r"^models/mine-both is .*better than embedded: F1@0.5", printed, re.MULTILINE)
            assert Path("differences/index.html").is_file()
        else:
            assert code == 0, line
        if " check " in line:
            assert "images: 50 (train 40, val 5, test 5)" in printed
            assert "problems: 0" in printed
        if "refiner" in line or "svhn-fcn" in line:
            assert "40 train images, 5 validation images" in printed
            assert re.search(r"^own: f1_50 +[01]\.\d+ +[01]\.\d+ +[+-]", printed, re.MULTILINE)
    original, first, both = (
        load_model(folder)[0]
        for folder in (checkout / "detector/weights", Path("models/mine"), Path("models/mine-both"))
    )
    assert any((old != new).any() for old, new in zip(original.fcn, first.fcn, strict=True))
    assert all((old == new).all() for old, new in zip(first.fcn, both.fcn, strict=True))
    assert any((old != new).any() for old, new in zip(first.refiner, both.refiner, strict=True))
    assert list(Path("models/mine-exported").glob("*fcn*"))
    with serving(f"{serve} --port {address.partition(':')[2]}", tmp_path, programs):
        assert run(detect) == 0
    assert "house.jpg" in capsys.readouterr().out
