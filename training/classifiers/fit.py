"""One run of a classifier recipe, from data to figures; killed at any moment, the same command continues it.

An output folder holds `recipe.json` (the settings), `state.safetensors` (the state),
`weights.safetensors` (the epoch that is best on validation), and at the end `metrics.json`, pictures and
`row.json` (a line of the results table). Nothing in it is executable.
"""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from detector.results.detections import IntArray
from detector.system.files import write_whole
from training.classifiers import recipe_plots
from training.classifiers.datasets import DATASETS, Labelled, folds, join, split_off
from training.classifiers.epoch_checkpoint import STATE, EpochCheckpoint, History, Run, best_epoch, load_best
from training.classifiers.keras_model import Batches, build, compile_model, to_float
from training.classifiers.results_table import ResultRow, write_row
from training.engine.checkpoint import load_state
from training.errors import ResumeError

ROW = "row.json"
_PREDICTION_BATCH = 256


def train(run: Run, data_dir: Path, out_dir: Path) -> ResultRow:
    """Train, keep the epoch that is best on validation, and measure that one once on test.

    Args:
        run: what to train.
        data_dir: the folder that holds `mnist`, `cifar-10-batches-py`, ...
        out_dir: where everything is written; a finished run there is not repeated.

    Raises:
        DataError: if the data is missing or damaged.
        ResumeError: if `out_dir` holds a run with other settings.
    """
    if (out_dir / _fold_name(1)).exists():
        raise ResumeError(f"{out_dir} holds a cross-validation; choose another --out")
    done = _finished_row(run, out_dir)
    if done is not None:
        print(
            f"nothing to do: the run in {out_dir} ended after epoch {done.epochs}; for another choose another --out"
        )
        return done
    info = DATASETS[run.recipe.dataset]
    print(f"reading {run.recipe.dataset} in {data_dir}", flush=True)
    training = info.load(data_dir, "train")
    if info.has_validation:
        validation = info.load(data_dir, "validation")
    else:
        training, validation = split_off(training, run.recipe.hold_out)
    model, history = fit_model(run, training, validation, out_dir)
    load_best(out_dir, model)
    test = info.load(data_dir, "test")
    predicted = predict(model, test.images)
    confusion = confusion_counts(test.labels, predicted, len(info.classes))
    row = _row(run, model, history) | {"test_accuracy": float(np.mean(predicted == test.labels))}
    details = {
        "images": {"train": len(training), "validation": len(validation), "test": len(test)},
        "history": history,
        "confusion": confusion.tolist(),
        "versions": _versions(),
    }
    _write_json(out_dir / "metrics.json", row | details)
    pictures = recipe_plots.RunPictures(training, test, predicted, info.classes, history, confusion)
    recipe_plots.write_run(
        out_dir, pictures, run.recipe.augmentation, _first_feature_maps(model, test.images[0])
    )
    return write_row(out_dir / ROW, ResultRow(**row))


def cross_validate(run: Run, count: int, data_dir: Path, out_dir: Path) -> ResultRow:
    """Train `count` models, each on all but one fold of everything that is not test.

    A fold's accuracy is that after the recipe's last epoch: nothing is chosen on the fold, and no run ends
    early. The test images are not read.

    Raises:
        DataError: if the data is missing or damaged.
        ResumeError: if `out_dir` holds a run with other settings.
    """
    if (out_dir / STATE).exists():
        raise ResumeError(f"{out_dir} holds a run that is no cross-validation; choose another --out")
    recipe = replace(run.recipe, stop_at=None)
    info = DATASETS[recipe.dataset]
    print(f"reading {recipe.dataset} in {data_dir}", flush=True)
    pool = info.load(data_dir, "train")
    if info.has_validation:
        pool = join(pool, info.load(data_dir, "validation"))
    rows, accuracies = [], []
    for number, (kept, left_out) in enumerate(folds(len(pool), count, run.seed), start=1):
        fold = Run(recipe, run.seed, (number, count))
        model, history = fit_model(
            fold, pool.select(kept), pool.select(left_out), out_dir / _fold_name(number)
        )
        rows.append(_row(fold, model, history))
        accuracies.append(history[-1]["val_accuracy"])
    row = rows[0] | {
        "best_epoch": None,
        "cpu_seconds": sum(row["cpu_seconds"] for row in rows),
        "validation_accuracy": float(np.mean(accuracies)),
        "validation_at_notes_epoch": None,
        "folds": accuracies,
    }
    return write_row(out_dir / ROW, ResultRow(**row))


def fit_model(
    run: Run, training: Labelled, validation: Labelled, folder: Path
) -> tuple[keras.Model, History]:
    """Train, or resume a training, in `folder`.

    Returns:
        The model after the last epoch, and a row of figures for each epoch.
    """
    recipe = run.recipe
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(run.seed)
    model = build(recipe.layers, training.images.shape[1:])
    compile_model(model, recipe.optimizer)
    checkpoint = EpochCheckpoint(run, model, folder)
    if not checkpoint.finished:
        _write_json(folder / "recipe.json", asdict(run))
        model.fit(
            Batches(training, recipe.batch, run.seed, len(checkpoint.history), recipe.augmentation),
            validation_data=Batches(validation, _PREDICTION_BATCH),
            initial_epoch=len(checkpoint.history),
            epochs=recipe.epochs,
            callbacks=[checkpoint],
            shuffle=False,
            verbose=1 if sys.stdout.isatty() else 2,
        )
    return model, checkpoint.history


def predict(model: keras.Model, images: NDArray[np.uint8]) -> IntArray:
    """Return the most likely class of each of (N, H, W, C) uint8 images, (N,) int32."""
    unlabelled = Labelled(images, np.zeros(len(images), np.int32))
    scores = model.predict(Batches(unlabelled, _PREDICTION_BATCH), verbose=0)
    if scores.shape[1] == 1:
        return np.asarray(scores[:, 0] > 0.5, np.int32)
    return np.asarray(scores.argmax(axis=1), np.int32)


def confusion_counts(truth: IntArray, predicted: IntArray, classes: int) -> NDArray[np.int64]:
    """(classes, classes) int64: how many of each true class (row) were taken for each class (column)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def _finished_row(run: Run, folder: Path) -> ResultRow | None:
    """Return the row of a finished run in `folder`, if it is this one."""
    state = load_state(folder / STATE, run.fixed)
    if state is None or not run.has_ended(state.history) or not (folder / ROW).exists():
        return None
    row = ResultRow.read(folder / ROW)
    return row if row.epochs == len(state.history) else None  # it may be that of a shorter run


def _fold_name(number: int) -> str:
    return f"fold-{number}"


def _row(run: Run, model: keras.Model, history: History) -> dict[str, Any]:
    notes = run.recipe.notes
    asked = notes.epoch if notes is not None else None
    best = best_epoch(history)
    return {
        "recipe": run.recipe.name,
        "dataset": run.recipe.dataset,
        "parameters": int(model.count_params()),
        "epochs": len(history),
        "best_epoch": best,
        "cpu_seconds": sum(row["cpu_seconds"] for row in history),
        "validation_accuracy": history[best - 1]["val_accuracy"],
        "validation_at_notes_epoch": history[asked - 1]["val_accuracy"]
        if asked and asked <= len(history)
        else None,
    }


def _first_feature_maps(model: keras.Model, image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """(H, W, filters) of the first convolution for one (H, W, C) uint8 image; None without a convolution."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            maps = keras.Model(model.inputs[0], layer.output)(to_float(image[None]))
            return np.asarray(keras.ops.convert_to_numpy(maps[0]), np.float32)
    return None


def _versions() -> dict[str, str]:
    return {"python": sys.version.split()[0], "keras": keras.version(), "numpy": np.__version__}


def _write_json(path: Path, content: Any) -> None:
    write_whole(path, (json.dumps(content, indent=2) + "\n").encode())
