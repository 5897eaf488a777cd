"""A model put together from the networks of others, each the mean of one or more.

Networks that went on learning from one another can be averaged: the mean of what a network was and what it became is
often better than either (Wortsman et al., Robust fine-tuning of zero-shot models, 2022). Networks that were trained
apart cannot.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from detector.models.model_files import Manifest, Weights, load_model, save_model
from detector.pipeline.loading import record_self_check
from detector.results.detections import FloatArray
from training.engine.provenance import joined_origins, listed_files, write_file_list
from training.errors import TrainingError


def average_models(fcns: Sequence[Path], refiners: Sequence[Path], out_dir: Path) -> None:
    """Writes a model folder; its manifest tells what each network is the mean of.

    Args:
        fcns: model folders, one at least, whose FCNs are averaged.
        refiners: those whose refiners are; none for a model without one.
        out_dir: where the model is written; none of the others.

    Raises:
        ModelError: if a model cannot be used.
        TrainingError: if one has no refiner, or would be replaced.
    """
    folders = list(dict.fromkeys([*fcns, *refiners]))
    if out_dir.resolve() in {folder.resolve() for folder in folders}:
        raise TrainingError(f"{out_dir} would replace a model that it is made from; choose another folder")
    models = {folder: load_model(folder) for folder in folders}
    for folder in refiners:
        if not models[folder][0].refiner:
            raise TrainingError(f"{folder} has no refiner")
    weights = Weights(
        _mean([models[folder][0].fcn for folder in fcns]),
        _mean([models[folder][0].refiner for folder in refiners]),
    )
    training = {"fcn": _told([models[folder][1] for folder in fcns], "fcn")}
    if refiners:
        training["refiner"] = _told([models[folder][1] for folder in refiners], "refiner")
    first = models[fcns[0]][1]
    origin = joined_origins(manifest.training_data for _, manifest in models.values())
    save_model(out_dir, weights, replace(first, version="", training_data=origin, training=training))
    record_self_check(out_dir)
    write_file_list(listed_files(folders), out_dir)


def _mean(networks: Sequence[Sequence[FloatArray]]) -> list[FloatArray]:
    """The networks' mean, array by array."""
    return [np.asarray(np.mean(arrays, axis=0), np.float32) for arrays in zip(*networks, strict=True)]


def _told(manifests: Sequence[Manifest], network: str) -> dict[str, Any]:
    """What is known of how a network was trained."""
    known = [manifest.training.get(network, manifest.training) for manifest in manifests]
    return known[0] if len(known) == 1 else {"mean_of": known}
