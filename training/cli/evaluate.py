"""`digit-detector-train evaluate`: measures a detector on labelled images."""

import argparse
import json
from pathlib import Path

from detector.cli.options import add_exhaustive, add_runtime, whole_number
from detector.system.files import write_whole
from training.cli.options import AddParser, add_data, add_label_options, add_split_option, label_options


def add_evaluate(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    command = add_parser(
        "evaluate",
        help="measure a detector on labelled images",
        description="Prints every figure with its definition. What the data folder lacks is left out and named.",
    )
    add_data(command)
    add_split_option(command)
    command.add_argument(
        "--model", type=Path, metavar="DIR", help="a model folder (default: the embedded model)"
    )
    add_runtime(command)
    add_exhaustive(command)
    command.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    command.add_argument(
        "--plots", type=Path, metavar="DIR", help="also draw curves, confusions and the worst mistakes there"
    )
    command.add_argument(
        "--rendered",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="also measure on N rendered plates and signs",
    )
    add_label_options(command)
    command.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from detector.models.runtimes import OPENVINO  # noqa: PLC0415
    from detector.pipeline.detector import DigitDetector  # noqa: PLC0415
    from detector.pipeline.options import DetectorConfig  # noqa: PLC0415
    from training.evaluation.evaluate import evaluate  # noqa: PLC0415
    from training.evaluation.evaluation_report import format_table, to_json  # noqa: PLC0415

    config = DetectorConfig(exhaustive=bool(args.exhaustive))
    detector, options = DigitDetector.load(args.model, config, args.runtime or OPENVINO), label_options(args)
    calibration = detector.manifest.operating_point.calibration
    evaluation = evaluate(
        detector, args.data, args.split, rendered=args.rendered, options=options, calibration=calibration
    )
    model = detector.info()
    print(f"model: {model.name} {model.version}\n{format_table(evaluation)}")
    if args.plots:
        from training.evaluation.evaluation_plots import write_evaluation_plots  # noqa: PLC0415 - imports matplotlib

        for path in write_evaluation_plots(evaluation, args.plots):
            print(f"drawn: {path}")
    if args.json:
        figures = {"model": f"{model.name} {model.version}", **to_json(evaluation)}
        write_whole(args.json, (json.dumps(figures, indent=2) + "\n").encode())
    return 0
