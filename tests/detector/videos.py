"""Small videos, made as cameras make them; each frame tells its number by its grey."""

import struct
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

SIZE = (96, 64)
"""Width and height."""

Pixels = NDArray[np.uint8]


def grey_frame(index: int) -> Pixels:
    """(64, 96, 3): a grey that grows with the index, and a red top left corner."""
    pixels = np.full((SIZE[1], SIZE[0], 3), 20 + 5 * index, np.uint8)
    pixels[:16, :24] = (255, 0, 0)
    return pixels


def index_of(pixels: Pixels) -> int:
    """The index of a grey frame, however it was turned, from the middle of its picture."""
    height, width = pixels.shape[:2]
    return round(
        (float(pixels[height // 2 - 4 : height // 2 + 4, width // 2 - 4 : width // 2 + 4].mean()) - 20) / 5
    )


def write_video(
    path: Path,
    codec: str = "libx264",
    times_ms: Iterable[int] = range(0, 4000, 100),
    picture: Callable[[int], Pixels] = grey_frame,
    metadata: Mapping[str, str] | None = None,
    **options: str,
) -> Path:
    """Writes a video with a key frame every ten; `options` are those of its container."""
    with av.open(str(path), "w", options=options) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(
            codec, rate=10, options={"g": "10", "bf": "2"} if "264" in codec else {}
        )
        stream.height, stream.width = picture(0).shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, time in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """A file with a second of silence in it, and no pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn(path: Path, quarters: int) -> Path:
    """Makes a video ask to be shown turned clockwise, as phones that are held upright do: by its track's matrix."""
    data = bytearray(path.read_bytes())
    one = 0x10000
    corner = {1: (0, one, -one, 0), 2: (-one, 0, 0, -one), 3: (0, -one, one, 0)}[quarters]
    matrix = struct.pack(">9i", corner[0], corner[1], 0, corner[2], corner[3], 0, 0, 0, 0x40000000)
    place = data.index(b"tkhd") + 44
    data[place : place + 36] = matrix
    path.write_bytes(data)
    return path


def cut(path: Path, part: float) -> Path:
    """Keeps the first part of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


def scratch(path: Path, part: float, count: int = 200) -> Path:
    """Writes rubbish over a few bytes."""
    data = bytearray(path.read_bytes())
    begin = int(len(data) * part)
    data[begin : begin + count] = np.random.default_rng(0).bytes(count)
    path.write_bytes(data)
    return path
