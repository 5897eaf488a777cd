"""`digit-detector detect-folder --engine ray`: what is added, and what makes no sense with it."""

import argparse

from detector.arguments.remote import choice
from detector.arguments.shared import whole_number
from detector.errors import InvalidOptionError

LOCAL, RAY = "local", "ray"

_OF_RAY = ("address", "workers", "cpus_per_worker", "format", "shard_images")

_NOT_ON_RAY = {
    "server": "the workers load the model themselves",
    "watch": "start it again with a new output for the images that have arrived",
    "annotated": "digit-detector detect --annotated paints the few images that somebody looks at",
    "report": "digit-detector report makes it of the rows: cat OUT/*.jsonl > digits.jsonl",
    "null": "name a folder, and choose in it with --include and --exclude",
}
"""What to do instead."""


def add_engine(parser: argparse.ArgumentParser) -> None:
    """--engine, and the options of Ray."""
    group = parser.add_argument_group(
        "past one machine",
        "Needs digit-detector[ray] on every machine. OUT is then a folder of files, the shards.",
    )
    group.add_argument(
        "--engine",
        choices=(LOCAL, RAY),
        default=LOCAL,
        help="who does the work: this process (%(default)s), or the machines of a Ray cluster",
    )
    group.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="the cluster; this machine must be one of its nodes (default: RAY_ADDRESS, or else a Ray of its own)",
    )
    group.add_argument(
        "--workers",
        type=whole_number(1),
        metavar="N",
        help="processes that detect, at most (default: as many as there are processors, now and when there are more)",
    )
    group.add_argument(
        "--cpus-per-worker",
        type=whole_number(1),
        metavar="N",
        help="processors of each; 1 (default) gives the most images per processor",
    )
    group.add_argument("--format", choices=("jsonl", "parquet"), help="of the shards (default: jsonl)")
    group.add_argument(
        "--shard-images",
        type=whole_number(1, 100_000),
        metavar="N",
        help="rows in a shard; a worker that is lost begins its shard anew (default: 500)",
    )


def refuse_options_of_ray(args: argparse.Namespace) -> None:
    """Looks whether an option is given that says something to Ray alone.

    Raises:
        InvalidOptionError: if so.
    """
    for name in _OF_RAY:
        if getattr(args, name) is not None:
            raise InvalidOptionError(name, "says something to Ray alone: add --engine ray")


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Raises:
        InvalidOptionError: if an option makes no sense with this engine, or Ray is not installed.
    """
    _refuse_options_of_one_machine(args)
    try:
        from detector.commands.detect_folder_on_ray import detect_folder_on_ray  # noqa: PLC0415 - it needs an extra
        from detector.folders.ray_data import RayCluster  # noqa: PLC0415
        from detector.folders.sharded.job import ShardedJob  # noqa: PLC0415
        from detector.folders.sharded.places import place_at  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise InvalidOptionError(
            "engine", "ray needs more libraries: pip install 'digit-detector[ray]'"
        ) from error
    from detector.folders.selection import Selection  # noqa: PLC0415 - see detector.arguments.shared
    from detector.interface import DetectOptions  # noqa: PLC0415

    job = ShardedJob(
        images=place_at(args.images, "images"),
        output=place_at(args.output, "output"),
        format=args.format or ShardedJob.format,
        shard_images=args.shard_images or ShardedJob.shard_images,
        options=DetectOptions(score_threshold=args.min_score),
        selection=Selection(tuple(args.include), tuple(args.exclude), args.seed if args.shuffle else None),
        limit=args.limit,
        resume=args.resume,
        overwrite=args.overwrite,
    )
    cluster = RayCluster(args.address, args.workers, args.cpus_per_worker or RayCluster.cpus_per_worker)
    return detect_folder_on_ray(job, choice(args), cluster)


def _refuse_options_of_one_machine(args: argparse.Namespace) -> None:
    if args.images == "-":
        raise InvalidOptionError("images", f"a list has no place with --engine ray: {_NOT_ON_RAY['null']}")
    for name, instead in _NOT_ON_RAY.items():
        if getattr(args, name):
            raise InvalidOptionError(name, f"cannot be had with --engine ray: {instead}")
    if args.shuffle and args.limit is None:
        raise InvalidOptionError(
            "shuffle", "shards have no order; with --limit it chooses the images, so give both or neither"
        )
