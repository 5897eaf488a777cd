"""The section about the service on Ray: what a request costs more than on the plain server."""

import socket
import statistics
import tempfile
from pathlib import Path

from local_server import running_server

from benchmarks.callers import Seen
from benchmarks.measuring import Bench, Figure, Result, quantile
from benchmarks.server import ask
from detector.images.draw import encode_image

ROUNDS = 5
IMAGES = 10


def ray_server(bench: Bench) -> list[Result]:
    """Measure the service on Ray against the plain server: what one caller waits beside the stages that both have.

    Both compute with one thread, and take turns.
    """
    model = ("--model", str(bench.model.absolute()))
    one_thread = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(*model, environment=one_thread) as plain,
        running_server(*model, "--engine", "ray", "--insecure", port=_free_port()) as on_ray,
    ):
        image = Path(folder) / "picture.jpg"
        image.write_bytes(encode_image(bench.picture, ".jpg"))
        seen: dict[str, list[Seen]] = {plain: [], on_ray: []}
        for _ in range(ROUNDS):
            for address, rounds in seen.items():
                rounds.append(ask(address, image, 1, "--images", str(IMAGES)))
    waits, whole = ({}, {})
    for address, rounds in seen.items():
        waits[address] = [seconds for each in rounds for seconds in each.beside_stages]
        whole[address] = [seconds for each in rounds for seconds in each.latencies]
    return [
        Figure("plain server, median", 1e3 * statistics.median(whole[plain]), "ms"),
        Figure("service on Ray, median", 1e3 * statistics.median(whole[on_ray]), "ms"),
        Figure("plain server, beside the stages", 1e3 * statistics.median(waits[plain]), "ms"),
        Figure("service on Ray, beside the stages", 1e3 * statistics.median(waits[on_ray]), "ms"),
        Figure(
            "what Ray adds to a request",
            1e3 * (statistics.median(waits[on_ray]) - statistics.median(waits[plain])),
            "ms",
        ),
        Figure(
            "the same, 95th percentiles",
            1e3 * (quantile(waits[on_ray], 0.95) - quantile(waits[plain], 0.95)),
            "ms",
        ),
    ]


def _free_port() -> int:
    """Ray's proxies must be told which."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
