"""So many callers of a server, each asking again as soon as it is answered; prints what they saw as JSON.

A process of its own, so that the time that the callers themselves compute can be told from the server's.
"""

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from detector.results.errors import OverloadedError
from detector.serving.client import AsyncDetectorClient

RETRY_S = 1.0
"""How long whoever was refused waits, as the server's RetryInfo says."""


@dataclass
class Seen:
    """The observations of the callers.

    Attributes:
        latencies: seconds of each call that was answered.
        stages: for each of them the seconds of each stage, as the server told.
        refused: calls that the server had no place for.
        seconds: from the first call to the last answer.
        cpu_seconds: time that this process computed meanwhile, on all cores.
    """

    latencies: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)
    refused: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def beside_stages(self) -> list[float]:
        """Seconds of each call that were spent in none of the stages: the wire, conversions, asyncio."""
        return [
            latency - sum(spent)
            for latency, *spent in zip(self.latencies, *self.stages.values(), strict=True)
        ]


async def call_for_a_while(address: str, image: bytes, callers: int, images: int, seconds: float) -> Seen:
    """Call from `callers` places at once, until `images` are asked for or `seconds` have passed."""
    seen, left = Seen(), images

    async def caller(client: AsyncDetectorClient) -> None:
        nonlocal left
        while left > 0 and time.perf_counter() < end:
            left -= 1
            asked = time.perf_counter()
            try:
                found = await client.detect(image)
            except OverloadedError:
                seen.refused += 1
                left += 1
                await asyncio.sleep(RETRY_S)
                continue
            seen.latencies.append(time.perf_counter() - asked)
            for stage, spent in found.stage_seconds.items():
                seen.stages.setdefault(stage, []).append(spent)

    async with AsyncDetectorClient(address, timeout_s=600) as client:
        await client.detect(image)  # connects
        start, computed = time.perf_counter(), time.process_time()
        end = start + seconds
        await asyncio.gather(*(caller(client) for _ in range(callers)))
    seen.seconds, seen.cpu_seconds = time.perf_counter() - start, time.process_time() - computed
    return seen


def main() -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", metavar="HOST:PORT")
    parser.add_argument("image", type=Path)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--images", type=int, default=sys.maxsize)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    args = parser.parse_args()
    seen = asyncio.run(
        call_for_a_while(args.server, args.image.read_bytes(), args.callers, args.images, args.seconds)
    )
    json.dump(asdict(seen), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
