"""Trainings on Ray in a process of their own, in which SIGKILL hits a process at a certain step.

Run as a module: DATA OUT ADDRESS WORKERS VICTIM STEP, where the victim is `driver`, `worker` (one that does not lead),
`leader`, or `nobody`. It dies once: a training that is started again in the same folder goes on.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from training.engine.distributed.ray_train import train_on_ray
from training.engine.distributed.workers import Placement, Step, Workers
from training.fcn.recipes import SVHN_FCN
from training.fcn.train_fcn import train_fcn

RECIPE = replace(SVHN_FCN, steps=6, batch=6, warmup=2, validate_every=2, average=0.5)


def kill_at(step: int, victim: int, marker: Path, make: Callable[[Any], Step]) -> Callable[[Any], Step]:
    """Makes steps of which one kills the process `victim` instead, unless one has done so before."""

    def making(model: Any) -> Step:
        train_step, done = make(model), 0

        def killing_step(*batch: Any) -> float:
            nonlocal done
            done += 1
            if done == step and not marker.exists():
                marker.touch()
                os.kill(victim, signal.SIGKILL)
                time.sleep(600)  # if the victim is another: until Ray ends this process, too
            return train_step(*batch)

        return killing_step

    return making


def train_and_kill(data: Path, out: Path, victim: str, driver: int, step: int, workers: Workers) -> None:
    killers = {"driver": workers.is_chief, "leader": workers.is_chief, "worker": not workers.is_chief}
    if killers.get(victim, False):
        dies = driver if victim == "driver" else os.getpid()
        marker = out.with_name(f"{out.name}-killed")
        workers.step_of = kill_at(step, dies, marker, workers.step_of)  # type: ignore[method-assign]
    train_fcn(RECIPE, data, out, None, workers)


def main(data: str, out: str, address: str, workers: str, victim: str, step: str) -> None:
    run = partial(train_and_kill, Path(data), Path(out), victim, os.getpid(), int(step))
    train_on_ray(run, Placement(int(workers), 1, address))


if __name__ == "__main__":
    main(*sys.argv[1:])
