"""`digit-detector-train`: parses the command line and makes one call for it.

Keras comes in with the command that needs it, so that help is quick.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from detector.cli.options import add_exhaustive, add_runtime, whole_number
from detector.cli.program import HintingParser, add_version, complain, run_command
from detector.results.errors import DetectorError
from detector.system.files import write_whole
from training.cli.align_labels import add_align_labels
from training.cli.calibrate import add_calibrate
from training.cli.check import add_check
from training.cli.classifiers import add_recipe_commands
from training.cli.compare import add_compare
from training.cli.gate import add_gate
from training.cli.label_options import add_label_options, add_split_option, label_options
from training.cli.networks import add_refiner, add_svhn_fcn
from training.cli.quantize import add_quantize
from training.cli.render import add_fonts, add_render
from training.cli.teacher import add_teacher
from training.errors import TrainingError
from training.fcn.fcn_recipe import SvhnFcnRecipe

AddParser = Callable[..., argparse.ArgumentParser]

_DATA_HELP = (
    "the folder that holds svhn/ and the other parts, as officially laid out; or labels of your own, as COCO, YOLO, "
    "Pascal VOC or CSV"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 2 for wrong usage or data, 130 when interrupted."""
    return run_command(lambda: _main(argv))


def _main(argv: Sequence[str] | None) -> int:
    args = parser().parse_args(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        code: int = args.run(args)
    except (TrainingError, DetectorError) as error:
        complain(str(error), "digit-detector-train")
        return 2
    except KeyboardInterrupt:
        complain("interrupted; the same command goes on from the last checkpoint", "digit-detector-train")
        return 130
    return code


def parser() -> argparse.ArgumentParser:
    """Return the whole command line; `run` of what it parses is the command's function."""
    root = HintingParser(
        prog="digit-detector-train",
        description="Trains and measures the house-number detector, and the classifiers it is compared with.",
        epilog="digit-detector-train COMMAND --help explains a command.",
    )
    add_version(root)
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_svhn_fcn(commands.add_parser, _DATA_HELP)
    add_refiner(commands.add_parser, _DATA_HELP)
    add_gate(commands.add_parser, _DATA_HELP)
    add_quantize(commands.add_parser, _DATA_HELP)
    add_teacher(commands.add_parser, _DATA_HELP)
    _add_evaluate(commands.add_parser)
    add_calibrate(commands.add_parser, _DATA_HELP)
    add_check(commands.add_parser)
    add_align_labels(commands.add_parser)
    add_fonts(commands.add_parser)
    add_render(commands.add_parser)
    add_compare(commands.add_parser, _DATA_HELP)
    add_recipe_commands(commands.add_parser, SvhnFcnRecipe())
    return root


def _add_evaluate(add_parser: AddParser) -> None:
    command = add_parser(
        "evaluate",
        help="measure a detector on labelled images",
        description="Prints every figure with its definition. What the data folder lacks is left out and named.",
    )
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help=_DATA_HELP)
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
    command.set_defaults(run=_evaluate)


def _evaluate(args: argparse.Namespace) -> int:
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
        from training.evaluation.evaluation_plots import write_evaluation_plots  # noqa: PLC0415

        for path in write_evaluation_plots(evaluation, args.plots):
            print(f"drawn: {path}")
    if args.json:
        figures = {"model": f"{model.name} {model.version}", **to_json(evaluation)}
        write_whole(args.json, (json.dumps(figures, indent=2) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
