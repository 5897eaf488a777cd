"""Finds the digits of ten real images through a real server, and says how many numbers it read right.

Starts the server as a process of its own with the embedded model, on a free port, and talks to it through the
client that the package ships. Exit code 0 if most numbers are right.
"""

import json
import sys
from importlib.resources import files
from pathlib import Path

from local_server import running_server

from detector import ImageDetections
from detector.images.decode import decode_image, read_image_file
from detector.images.draw import annotate, encode_image
from detector.results.errors import DetectorError
from detector.results.interface import ImageDetector
from detector.serving.client import DetectorClient
from detector.system.files import write_whole

SAMPLES = Path(str(files("detector") / "samples"))
OUTPUT = Path("demo-output")


def main() -> int:
    """Run the demo; return its exit code."""
    samples = json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8"))["images"]
    OUTPUT.mkdir(exist_ok=True)
    print("starting the server: it loads the network, a few seconds", flush=True)
    with running_server() as address, DetectorClient(address) as client:
        model = client.info()
        print(f"{model.name} {model.version} answers on {address}\n")
        print(f"{'image':<22}{'true':<7}{'read':<15} {'':<6}digits (score)")
        right = sum([show(client, sample["file"], sample["number"]) for sample in samples])
    print(f"\n{right} of {len(samples)} numbers are right; the annotated images are in {OUTPUT.resolve()}")
    return 0 if 2 * right > len(samples) else 1


def show(client: ImageDetector, name: str, number: str) -> bool:
    """Print the row of one sample and write its annotated image; return whether its number is right."""
    data = read_image_file(SAMPLES / name)
    found = client.detect(data)
    read = " ".join(number.text for number in found.numbers) or "-"
    verdict = "ok" if read == number else "wrong"
    print(f"{name:<22}{number:<7}{read:<15} {verdict:<6}{digits_in_reading_order(found)}", flush=True)
    write_whole(OUTPUT / name, encode_image(annotate(decode_image(data), found), Path(name).suffix))
    return read == number


def digits_in_reading_order(found: ImageDetections) -> str:
    """Each digit with its score, for example "7 (0.98)  5 (0.97)"."""
    digits = list(found.digits)
    order = [digits[index] for number in found.numbers for index in number.digits]
    return "  ".join(f"{digit.label} ({digit.score:.2f})" for digit in order)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (DetectorError, RuntimeError) as error:
        sys.exit(f"demo: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
