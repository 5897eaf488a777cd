"""Checkpoints: everything comes back bit for bit, or nothing does."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from training.engine.checkpoint import RunState, fingerprint, load_state, save_state
from training.errors import ResumeError
from training.fcn.recipes import SVHN_FCN, SvhnFcnRecipe
from training.samplers.patches import PatchConfig
from training.samplers.targets import TargetConfig

RECIPE = replace(SVHN_FCN, steps=10)


def some_state() -> RunState:
    rng = np.random.default_rng(0)
    return RunState(
        step=7,
        groups={
            "weights": [rng.normal(size=(3, 2)).astype(np.float32), np.float32([np.pi])],
            "optimizer": [np.array(7, np.int64), *(np.full(2, i, np.float32) for i in range(15))],
            "average": [np.zeros((0, 3), np.float32)],
        },
        history=[{"step": 5.0, "loss": 0.1 + 0.2}, {"step": 7.0, "loss": 1e-300}],
        seconds=12.000000000000002,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_state(tmp_path / "checkpoint.safetensors", some_state(), RECIPE)
    return tmp_path / "checkpoint.safetensors"


def test_all_comes_back_bit_for_bit(path: Path) -> None:
    expected, state = some_state(), load_state(path, RECIPE)
    assert state is not None
    assert (state.step, state.history, state.seconds) == (expected.step, expected.history, expected.seconds)
    assert state.groups.keys() == expected.groups.keys()
    for name, group in expected.groups.items():
        assert len(state.groups[name]) == len(group)
        for array, original in zip(state.groups[name], group, strict=True):
            np.testing.assert_array_equal(array, original)
            assert (array.dtype, array.shape) == (original.dtype, original.shape)


def test_arrays_that_are_not_contiguous_are_saved_as_they_look(tmp_path: Path) -> None:
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    save_state(tmp_path / "checkpoint", RunState(1, {"weights": [turned]}), RECIPE)
    state = load_state(tmp_path / "checkpoint", RECIPE)
    assert state is not None
    np.testing.assert_array_equal(state.groups["weights"][0], turned)


def test_where_there_is_none_a_run_begins(tmp_path: Path) -> None:
    assert load_state(tmp_path / "checkpoint.safetensors", RECIPE) is None


def test_a_torn_new_file_does_not_matter(path: Path) -> None:
    """What a kill while writing leaves behind: half of the next file under its temporary name."""
    path.with_name(path.name + ".part").write_bytes(path.read_bytes()[:100])
    state = load_state(path, RECIPE)
    assert state is not None
    assert state.step == 7
    save_state(path, replace_step(state, 9), RECIPE)
    again = load_state(path, RECIPE)
    assert again is not None
    assert again.step == 9
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def replace_step(state: RunState, step: int) -> RunState:
    return replace(state, step=step)


def without(key: str) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length])["__metadata__"]
        del metadata[key]
        return save(load(content), metadata)

    return change


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "garbage": lambda content: b"\x80\x04garbage" * 50,
    "a third": lambda content: content[: len(content) // 3],
    "all but the last byte": lambda content: content[:-1],
    "no metadata at all": lambda content: save(load(content)),
    "no step": without("step"),
    "no recipe": without("recipe"),
    "no history": without("history"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_checkpoint_is_refused_by_name(path: Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ResumeError, match="delete it to start afresh") as refusal:
        load_state(path, RECIPE)
    assert str(path) in str(refusal.value)


def test_a_folder_in_its_place_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(ResumeError, match="checkpoint"):
        load_state(tmp_path / "checkpoint", RECIPE)


@pytest.mark.parametrize(
    ("other", "change"),
    [
        pytest.param(replace(RECIPE, steps=11), "steps was 10, is 11", id="steps"),
        pytest.param(replace(RECIPE, seed=2), "seed was 1, is 2", id="seed"),
        pytest.param(replace(RECIPE, batch=32), "batch was 64, is 32", id="batch"),
        pytest.param(
            replace(RECIPE, learning_rate=2.0000001e-3), "is 0.0020000001", id="learning rate, a little"
        ),
        pytest.param(replace(RECIPE, validate_every=5), "validate_every was 500, is 5", id="validations"),
        pytest.param(
            replace(RECIPE, patches=PatchConfig(size=76)), "patches.size was 72, is 76", id="patches"
        ),
        pytest.param(
            replace(RECIPE, patches=PatchConfig(target=TargetConfig(reach_x=0.3))),
            "patches.target.reach_x was",
            id="targets of patches",
        ),
    ],
)
def test_a_run_of_other_settings_is_not_continued(path: Path, other: SvhnFcnRecipe, change: str) -> None:
    with pytest.raises(ResumeError, match="other settings") as refusal:
        load_state(path, other)
    assert str(path) in str(refusal.value)
    assert change in str(refusal.value)


def test_a_fingerprint_is_that_of_the_settings_not_of_the_object() -> None:
    @dataclass
    class Settings:
        a: int = 1
        b: dict[str, float] = field(default_factory=dict)

    assert fingerprint(Settings(b={"x": 1.0, "y": 2.0})) == fingerprint(Settings(b={"y": 2.0, "x": 1.0}))
    assert fingerprint(Settings(2)) != fingerprint(Settings(1))
    assert fingerprint(replace(SVHN_FCN, steps=10)) == fingerprint(RECIPE)


def test_figures_of_an_earlier_version_come_back_under_their_present_names(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    former = {"step": 1.0, "number_accuracy": 0.5, "old_number_accuracy": 0.25, "score": 0.5}
    save_state(path, RunState(1, {}, [former]), RECIPE)
    state = load_state(path, RECIPE)
    assert state is not None
    assert state.history == [
        {"step": 1.0, "sequence_accuracy": 0.5, "old_sequence_accuracy": 0.25, "score": 0.5}
    ]
