"""A look at the run in an output folder before any data is read."""

from collections.abc import Callable
from pathlib import Path

from training.engine.checkpoint import load_state
from training.engine.training_run import CHECKPOINT, RunRecipe, has_stalled


def is_finished(
    out_dir: Path, recipe: RunRecipe, patience: int | None = None, also: Callable[[], bool] = lambda: True
) -> bool:
    """Return whether the run in a folder has nothing left to do, and print it.

    Args:
        out_dir: the output folder, which may be empty or missing.
        recipe: that of the command.
        patience: validations without a better score after which the run ends early; None: it never does.
        also: asked of a run whose steps are done: whether what follows them is, too.

    Raises:
        ResumeError: if the folder holds a run of another recipe, naming the settings that differ.
    """
    state = load_state(out_dir / CHECKPOINT, recipe)
    if state is None:
        return False
    stalled = patience is not None and has_stalled(state.history, patience)
    if (state.step < recipe.steps and not stalled) or not also():
        return False
    why = "" if state.step >= recipe.steps else f", as {patience} validations in a row were no better"
    print(
        f"nothing to do: the run in {out_dir} ended after step {state.step:,} of {recipe.steps:,}{why}; "
        "for another run choose another --out"
    )
    return True
