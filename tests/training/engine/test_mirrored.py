"""Workers that share each batch: in float64 they train as one does, to the last but a few digits."""

import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

Kept = dict[str, np.ndarray]


def addresses(count: int) -> str:
    """Addresses of this machine at which nobody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return ",".join(f"127.0.0.1:{one.getsockname()[1]}" for one in sockets)


def train_together(checkout: Path, out: Path, count: int) -> list[Kept]:
    """What each of so many workers kept."""
    at = addresses(count)
    out.mkdir()
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.mirrored_worker", str(rank), at, str(out)],
            cwd=checkout,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(count)
    ]
    try:
        for worker in started:
            said, _ = worker.communicate(timeout=300)
            assert worker.returncode == 0, said
    finally:
        for worker in started:
            worker.kill()
            worker.communicate()
    return [dict(np.load(out / f"{rank}.npz")) for rank in range(count)]


@pytest.fixture(scope="module")
def alone(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return train_together(checkout, tmp_path_factory.mktemp("mirrored") / "one", 1)[0]


@pytest.mark.parametrize("count", [2, 3])
def test_workers_with_unequal_shares_train_as_one_does(
    alone: Kept, checkout: Path, tmp_path: Path, count: int
) -> None:
    together = train_together(checkout, tmp_path / "several", count)
    for kept in together:
        np.testing.assert_allclose(kept["losses"], alone["losses"], rtol=1e-9)
        for name in (name for name in alone if name.startswith("weight")):
            assert kept[name].dtype == np.float64
            np.testing.assert_allclose(kept[name], alone[name], rtol=1e-9, atol=1e-9, err_msg=name)
            np.testing.assert_array_equal(kept[name], together[0][name], err_msg="workers drift apart")
    chief, *others = (kept["times"] for kept in together)
    assert all(other[0] >= chief[1] for other in others), "the chief goes first"
