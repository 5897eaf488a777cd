"""One detector in a process of its own, on two processors: says how long it takes for each image that it is named.

It reads the path of a JPEG file a line and answers with a line of JSON: the seconds from the encoded bytes in memory
to the result and, where the detector tells, those of its stages. Libraries' own output goes to standard error.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

THREADS = 2

Detect = Callable[[bytes], dict[str, float]]
"""Detects in an encoded image; returns the seconds of its stages, if it knows them."""


def ours(model: str, exhaustive: bool = False) -> Detect:
    """Return this package's detector."""
    from detector import DetectOptions, DigitDetector  # noqa: PLC0415 - a contestant loads its own libraries only

    detector, options = DigitDetector.load(Path(model)), DetectOptions(exhaustive=exhaustive)
    return lambda image: detector.detect(image, options).stage_seconds


def rapidocr(_: str) -> Detect:
    """RapidOCR with the models that it ships, on ONNX Runtime, as it comes."""
    from rapidocr import RapidOCR  # noqa: PLC0415

    engine = RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )

    def detect(image: bytes) -> dict[str, float]:
        engine(image)
        return {}

    return detect


def yolo(side: int) -> Detect:
    """YOLO11n at one input size, as ultralytics exports it to OpenVINO. It is untrained: only its time is real."""
    os.environ.update(YOLO_OFFLINE="True", YOLO_AUTOINSTALL="False")
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415
    import openvino  # noqa: PLC0415
    import torch  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        os.environ["YOLO_CONFIG_DIR"] = folder
        os.chdir(folder)  # where it writes
        from ultralytics import YOLO  # noqa: PLC0415
        from ultralytics.utils.nms import non_max_suppression  # noqa: PLC0415

        (path,) = Path(YOLO("yolo11n.yaml").export(format="openvino", imgsz=side)).glob("*.xml")
        model = openvino.compile_model(path, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        os.chdir("/")

    def detect(image: bytes) -> dict[str, float]:
        pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR_RGB)
        scale = side / max(pixels.shape[:2])
        size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
        letterbox = np.full((side, side, 3), 114, np.uint8)
        letterbox[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
        tensor = (letterbox.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
        non_max_suppression(torch.from_numpy(model([tensor])[0]))
        return {}

    return detect


CONTESTANTS: dict[str, Callable[[str], Detect]] = {
    "ours": ours,
    "ours, exhaustive": lambda model: ours(model, exhaustive=True),
    "RapidOCR": rapidocr,
    "YOLO11n 640": lambda _: yolo(640),
    "YOLO11n 384": lambda _: yolo(384),
}


def main() -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CONTESTANTS)
    parser.add_argument("model")
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    os.environ |= {"TF_NUM_INTRAOP_THREADS": str(THREADS), "OMP_NUM_THREADS": str(THREADS)}
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    detect = CONTESTANTS[args.name](args.model)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        image = Path(line.rstrip("\n")).read_bytes()
        start = time.perf_counter()
        stages = detect(image)
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "stages": stages}), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
