"""`digit-detector convert`: results in another program's format."""

import argparse
import sys
from pathlib import Path

from detector.cli.options import AddParser, command, file_path, metres
from detector.cli.program import OK, one_line_if_broken_off

_FORMATS = (
    *("csv-digits", "csv-numbers", "coco", "coco-results", "geojson", "gpx", "osm-notes-csv"),
    *("yolo", "voc"),
)


def add(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    parser = command(
        add_parser,
        "convert",
        "write results in another program's format",
        "Reads the results of detect-folder (or of detect --json) and writes them for other programs: for "
        "spreadsheets (CSV, one line per digit or one per number), for labelling tools and training (COCO, "
        "YOLO, Pascal VOC), for evaluation with pycocotools (COCO results), for maps (GeoJSON, GPX, notes for "
        "OpenStreetMap). Classes are the digits 0 to 9. "
        "Images that could not be read are left out. Exit code: 0 if all was written, 2 for wrong usage or "
        "if RESULTS is not a results file, 3 if writing broke off.",
        """\
  digit-detector convert digits.jsonl --to csv-numbers --out numbers.csv
  digit-detector convert digits.jsonl --to coco --out annotations.json
  digit-detector convert digits.jsonl --to yolo --out labels
  digit-detector convert digits.jsonl --to geojson --merge 15m --out numbers.geojson

formats:
  csv-digits    a line per digit: image, size, number, position in it, digit, score, box
  csv-numbers   a line per number: image, size, number, score, box
  coco          a COCO dataset: images, categories, annotations; for labelling and training
  coco-results  a COCO list of scored boxes; its image_id are those of the dataset
  geojson       a point per number, where the camera stood: score, heading, bearing, pictures
  gpx           a waypoint per number
  osm-notes-csv a line per number for a person who checks it: lat, lon, text
  yolo          a folder: labels/*.txt, data.yaml and classes.txt
  voc           a folder: Annotations/*.xml""",
    )
    parser.add_argument(
        "results", type=file_path, metavar="RESULTS", help="file of JSON lines from detect-folder"
    )
    parser.add_argument(
        "--to", choices=_FORMATS, required=True, metavar="FORMAT", help=f"one of {', '.join(_FORMATS)}"
    )
    parser.add_argument(
        "--out",
        type=file_path,
        required=True,
        metavar="PATH",
        help="file to write, replaced if it is there; for yolo and voc a new folder",
    )
    parser.add_argument(
        "--merge",
        type=metres,
        metavar="DISTANCE",
        help="for maps: merge sightings of the same number within this distance, such as 15m",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    return convert(args.results, args.to, args.out, args.merge)


def convert(results: Path, target_format: str, out: Path, merge_m: float | None) -> int:
    """Write the results to `out` in one of the formats; return the exit code."""
    from detector.folders.formats import convert as convert_results  # noqa: PLC0415
    from detector.folders.results_file import ResultsFile  # noqa: PLC0415
    from detector.folders.rows import printable_name  # noqa: PLC0415

    with one_line_if_broken_off("nothing was written"):
        done = convert_results(ResultsFile(results), target_format, out, merge_m)
    left_out = f" ({done.left_out} that were not read are left out)" if done.left_out else ""
    if done.points or done.unlocated:
        without = f" ({done.unlocated} without a position are left out)" if done.unlocated else ""
        left_out += f", {done.points} points on the map{without}"
    print(f"{done.images} images{left_out}: {printable_name(str(out))}", file=sys.stderr)
    return OK
