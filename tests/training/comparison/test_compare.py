"""Comparing models: figures side by side, intervals that mean what they say, and the exit code that gates a release."""

import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import training.evaluation.evaluate
from detector.images.decode import decode_image
from detector.models.model_files import EMBEDDED, MANIFEST, WEIGHTS, Weights, load_model, save_model
from detector.pipeline.cascade import CascadeOutput
from detector.results.detections import ImageDetections
from detector.results.interface import DetectOptions
from tests.detector.browser import BrowserPage, chromium
from tests.training.data.labels.folders import Drawn, write_yolo
from tests.training.painted import (
    Digit,
    Image,
    PaintedDigitDetector,
    paint,
    write_painted_crops,
    write_png,
    write_truth,
)
from training.cli.main import main
from training.comparison.compare import (
    DECIDING,
    Ratio,
    Row,
    compare,
    format_comparison,
    is_better,
    ratios_of,
    resampled,
)
from training.comparison.comparison_page import differences, write_comparison_page
from training.evaluation.evaluate import evaluate
from training.evaluation.evaluation_report import table_lines, to_json
from training.evaluation.figures import Evaluation

SEVEN, FIVE = Digit(7, 20, 10, 30, 30), Digit(5, 32, 10, 42, 30)


class Blind(PaintedDigitDetector):
    """Sees every second digit, and reads crops of a 3 as an 8."""

    def decide(
        self, output: CascadeOutput, width: int, height: int, options: DetectOptions | None = None
    ) -> ImageDetections:
        found = super().decide(output, width, height, options)
        return replace(found, digits=found.digits.select(np.arange(0, len(found.digits), 2)), numbers=())

    def classify_crops(self, crops: Image, refine: bool = True) -> np.ndarray:  # type: ignore[type-arg]
        read = super().classify_crops(crops, refine)
        return np.where(read == 3, 8, read).astype(np.int32)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty images of two digits and ten of one, crops, and two photographs of which one has a false digit."""
    folder = tmp_path_factory.mktemp("data")
    truths = [[SEVEN, FIVE]] * 30 + [[SEVEN]] * 10
    write_truth(folder / "svhn" / "test", truths)
    for i, digits in enumerate(truths):
        write_png(folder / "svhn" / "test" / f"{i + 1}.png", paint(80, 40, digits))
    write_painted_crops(folder / "svhn" / "test_32x32.mat", [1, 2, 3, 0], [1, 2, 3, 1])
    for i, digits in enumerate(([FIVE], [])):
        write_png(folder / "backgrounds" / "test" / f"{i}.png", paint(500, 200, digits))
    return folder


@pytest.fixture(scope="module")
def good(data: Path) -> Evaluation:
    return evaluate(PaintedDigitDetector(), data, progress=False)


@pytest.fixture(scope="module")
def blind(data: Path) -> Evaluation:
    return evaluate(Blind(), data, progress=False)


def row(rows: Sequence[Row], name: str) -> Row:
    return next(each for each in rows if each.name == name)


def test_every_figure_of_evaluate_is_in_the_table(good: Evaluation, blind: Evaluation) -> None:
    rows = compare([good, blind], resamples=10)
    assert [each.name for each in rows] == [line.name for line in table_lines(good)]
    for index, evaluation in enumerate((good, blind)):
        assert [each.values[index] for each in rows] == [line.value for line in table_lines(evaluation)]
    text = format_comparison(["good", "blind"], rows)
    assert all(each.name in text for each in rows)
    assert len({len(line) for line in text.splitlines() if "to" in line}) == 1, "columns"


@pytest.mark.parametrize("key", DECIDING)
def test_counts_of_images_add_up_to_the_figure(good: Evaluation, blind: Evaluation, key: str) -> None:
    """What is drawn anew is what evaluate printed."""
    for evaluation in (good, blind):
        ratio = ratios_of(evaluation)[DECIDING[key][0]]
        assert ratio.numerators.sum() / ratio.denominators.sum() == pytest.approx(to_json(evaluation)[key])


def test_a_model_that_misses_digits_is_worse_and_the_other_way_round_better(
    good: Evaluation, blind: Evaluation
) -> None:
    worse, better = compare([good, blind]), compare([blind, good])
    f1 = row(worse, "F1@0.5")
    assert f1.values == (1, pytest.approx(2 * 40 / (40 + 70)))
    (interval,) = f1.intervals
    assert interval is not None
    assert interval.low < f1.values[1] - f1.values[0] < interval.high < 0
    assert (is_better(worse, "f1_50"), is_better(better, "f1_50")) == (False, True)
    assert (is_better(worse, "precision_50"), is_better(better, "precision_50")) == (False, False), (
        "both are 1"
    )


@pytest.mark.parametrize("key", DECIDING)
def test_the_same_model_twice_differs_by_nothing(good: Evaluation, key: str) -> None:
    rows = compare([good, good], resamples=50)
    interval = row(rows, DECIDING[key][0]).intervals[0]
    assert interval is not None
    assert (interval.low, interval.high) == (0, 0)
    assert not is_better(rows, key)


def test_less_is_better_where_it_is(good: Evaluation, data: Path) -> None:
    """One crop of four is wrong for one, two for the other; all or nothing on photographs."""
    rows = compare([evaluate(Blind(), data, progress=False), good])
    assert row(rows, "crop error").values == (0.5, 0.25)
    assert not is_better(rows, "crop_error"), "four crops prove nothing"
    many = Ratio(np.tile([1.0, 0, 0, 0], 100), np.ones(400))
    worse = Ratio(np.tile([1.0, 1, 0, 0], 100), np.ones(400))
    drawn = resampled([worse, many], 200, 0)
    assert (drawn[:, 1] < drawn[:, 0]).all()


def test_a_figure_that_is_no_sum_over_images_has_no_interval(good: Evaluation, blind: Evaluation) -> None:
    assert row(compare([good, blind], 10), "AP@0.5").intervals == (None,)


def test_three_models_are_each_compared_with_the_first(good: Evaluation, blind: Evaluation) -> None:
    rows = compare([good, blind, good], 50)
    middle, last = row(rows, "recall@0.5").intervals
    assert middle is not None
    assert last is not None
    assert middle.high < 0
    assert (last.low, last.high) == (0, 0)
    assert "good  difference" in re.sub(
        " +", lambda gap: gap[0][:2], format_comparison(["a", "b", "good"], rows)
    )


counts = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30)


def ratio_of(pairs: Sequence[tuple[int, int]]) -> Ratio:
    """A figure 0..1: hits of hits and misses."""
    hits, misses = np.array(pairs, np.float64).T
    return Ratio(hits, hits + misses)


@given(pairs=counts, seed=st.integers(0, 1000))
def test_drawn_figures_stay_within_those_of_single_images(pairs: list[tuple[int, int]], seed: int) -> None:
    drawn = resampled([ratio_of(pairs)], 20, seed)[:, 0]
    single = [hits / (hits + misses) if hits + misses else 0 for hits, misses in pairs]
    assert (drawn >= min(single) - 1e-12).all()
    assert (drawn <= max(single) + 1e-12).all()


@given(pairs=counts, seed=st.integers(0, 1000))
def test_all_models_are_drawn_the_same_images(pairs: list[tuple[int, int]], seed: int) -> None:
    """So a model's lead that is the same in every image has no spread."""
    first = ratio_of([(hits, misses + 5) for hits, misses in pairs])
    fixed = Ratio(first.numerators + 0.25 * first.denominators, first.denominators)
    drawn = resampled([first, first, fixed], 20, seed)
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 1])
    np.testing.assert_allclose(drawn[:, 2] - drawn[:, 0], 0.25)
    np.testing.assert_array_equal(drawn, resampled([first, first, fixed], 20, seed))


def test_the_interval_of_a_mean_is_the_textbooks() -> None:
    """For many images the bootstrap gives the normal distribution's 1.96 standard errors."""
    values = np.random.default_rng(3).random(400)
    drawn = resampled([Ratio(values, np.ones(400))], 4000, 1)[:, 0]
    error = values.std() / 20
    assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx(
        [values.mean() - 1.96 * error, values.mean() + 1.96 * error], abs=0.15 * error
    )


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(200):
        gained = rng.random(80) < 0.6
        lost = rng.random(80) < 0.5
        drawn = resampled([Ratio(lost * 1.0, np.ones(80)), Ratio(gained * 1.0, np.ones(80))], 300, trial)
        low, high = np.quantile(drawn[:, 1] - drawn[:, 0], [0.025, 0.975])
        covered += low <= 0.1 <= high
    assert 180 <= covered <= 199


def test_the_page_holds_the_images_that_differ_and_nothing_from_elsewhere(
    good: Evaluation, blind: Evaluation, tmp_path: Path
) -> None:
    found = differences([good, blind])
    assert len(found) == 30 + 10 + 1, "one of them reads no numbers, on the photograph neither"
    assert abs(found[0].gain) >= abs(found[-1].gain)
    rows = compare([good, blind])
    page = write_comparison_page(tmp_path / "new" / "out", ["good", "a<b"], rows, "F1 < 1", found[:3])
    text = page.read_text(encoding="utf-8")
    assert text.count("<b>a&lt;b</b><p>no number<span>1 right, 0 false</span></p>") == 3
    assert '<b>good</b><p><span class="plate">75</span><span>2 right, 0 false</span></p>' in text
    assert '<b>truth</b><p><span class="plate">75</span>' in text
    assert "F1 &lt; 1" in text
    (recall,) = (row for row in rows if row.name == "recall@0.5")
    interval = recall.intervals[0]
    assert interval is not None
    assert interval.high < 0
    difference = f"{recall.values[1] - recall.values[0]:+{recall.spec}}"
    assert f'<td class="apart">{difference}</td>' in text
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    assert len(pictures) == 3 * 3
    assert all(decode_image(b64decode(picture)).size for picture in pictures)
    assert "://" not in text
    assert differences([good, good]) == []


@pytest.mark.parametrize("width", [320, 1280])
def test_the_page_stays_in_its_window(
    good: Evaluation, blind: Evaluation, tmp_path: Path, width: int
) -> None:
    names = ["models/a-name-that-is-rather-long", "models/" + 60 * "x"]
    page = write_comparison_page(
        tmp_path / "out", names, compare([good, blind]), "It is so.", differences([good, blind])
    )
    with chromium(tmp_path / "profile") as window:
        browser = BrowserPage(window)
        browser.visit(page.as_uri(), width=width, height=844)
        assert browser.run("return document.documentElement.scrollWidth") <= width
        assert browser.run("return document.querySelector('.media img').naturalWidth") > 0
        assert browser.console() == [], "nothing was refused by the page's policy"


def test_a_photograph_on_which_one_sees_digits_is_shown(data: Path, good: Evaluation, tmp_path: Path) -> None:
    small = evaluate(PaintedDigitDetector(max_pixels=50_000), data, progress=False)
    (found,) = differences([good, small])
    assert found.truth is None
    assert found.gain == 1
    page = write_comparison_page(tmp_path, ["good", "small"], compare([good, small]), "", [found])
    text = page.read_text(encoding="utf-8")
    assert '<b>good</b><p><span class="plate">5</span><span>0 right, 1 false</span></p>' in text


@pytest.fixture(scope="module")
def real_data(tmp_path_factory: pytest.TempPathFactory, real_images: dict[str, Path]) -> Path:
    """The real images that are in the checkout, with boxes near enough for IoU 0.3 of what the model finds."""
    from detector import DigitDetector  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("real")
    detector = DigitDetector.load()
    truths = []
    for index, path in enumerate(real_images.values(), start=1):
        found = detector.detect(path.read_bytes()).digits
        truths.append([Digit(int(digit.label), *(round(edge) for edge in digit.box)) for digit in found])
        target = folder / "svhn" / "test" / f"{index}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    write_truth(folder / "svhn" / "test", truths)
    return folder


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """The embedded model with weights that see nothing."""
    weights, manifest = load_model(EMBEDDED)
    folder = tmp_path / "damaged"
    save_model(folder, Weights([0 * array for array in weights.fcn]), manifest)
    return folder


def test_the_exit_code_says_whether_the_last_is_better(
    real_data: Path, damaged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(real_data)]
    assert main(["compare", str(damaged), "embedded", *data, "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert f"embedded is better than {damaged}: F1@0.5 differs by +" in out
    assert "4 images on which the models differ" in out
    assert (tmp_path / "out" / "index.html").read_text().count('<section class="difference">') == 4
    assert main(["compare", "embedded", str(damaged), *data, "--by", "sequence_accuracy"]) == 1
    assert f"{damaged} is not shown to be better than embedded: sequence accuracy" in capsys.readouterr().out
    assert main(["compare", "embedded", "embedded", *data]) == 1
    assert "differs by +0.000, 95% interval +0.000 to +0.000" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["embedded"], "name two models or more", id="one model"),
        pytest.param(["embedded", "embedded", "--by", "beauty"], "invalid choice: 'beauty'", id="no figure"),
        pytest.param(["embedded", "nowhere"], "nowhere/manifest.json", id="no such model"),
        pytest.param(["damaged", "embedded"], "damaged or replaced", id="weights are not the manifest's"),
        pytest.param(["hostile", "embedded"], "not a model manifest", id="a manifest that is none"),
        pytest.param(["embedded", "embedded", "--data", "empty"], "nothing to measure on", id="no data"),
        pytest.param(
            ["embedded", "embedded", "--by", "false_per_mp"],
            "false_per_mp cannot be measured",
            id="what decides is not there",
        ),
        pytest.param(
            ["embedded", "embedded", "--by", "false_per_mp", "--data", "own"],
            "--by false_per_mp needs photographs in backgrounds/SPLIT, which labels of your own do not have",
            id="labels of one's own have no photographs",
        ),
    ],
)
def test_what_cannot_be_compared_ends_with_2(
    arguments: list[str],
    message: str,
    real_data: Path,
    damaged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (damaged / WEIGHTS).write_bytes(b"?" * 1000)
    for name in ("hostile", "empty"):
        (tmp_path / name).mkdir()
    write_yolo(tmp_path / "own", [Drawn("a.png", (40, 30), [("4", (10.0, 6.0, 16.0, 22.0))])])
    (tmp_path / "hostile" / MANIFEST).write_text("[" * 100_000)
    monkeypatch.chdir(tmp_path)
    if "--data" not in arguments:
        arguments = [*arguments, "--data", str(real_data)]
    try:
        code = main(["compare", *arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2
    assert message in capsys.readouterr().err


def test_models_are_checked_before_anything_is_measured(
    real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        training.evaluation.evaluate, "evaluate", lambda *_, **__: pytest.fail("measured first")
    )
    data = ["--data", str(real_data)]
    assert main(["compare", "embedded", "nowhere", *data]) == 2
    for figure in ("false_per_mp", "crop_error"):
        assert main(["compare", "embedded", "embedded", *data, "--by", figure]) == 2
