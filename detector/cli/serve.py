"""`digit-detector serve`."""

import argparse
import functools
import os
import signal
from pathlib import Path

from detector.cli.options import (
    AddParser,
    add_max_megapixels,
    add_model,
    add_runtime,
    command,
    max_pixels,
    port,
    seconds,
    whole_number,
)
from detector.cli.ray import serve as serve_on_ray
from detector.results.errors import ServerStartError
from detector.serving.server.settings import Observability, Security, ServerSettings, WorkLimits


def add(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    parser = command(
        add_parser,
        "serve",
        "answer over gRPC (detector.v1.DigitDetector)",
        "Loads the model, then serves detector.v1.DigitDetector with health service and reflection. Prints "
        "`ready: detector.v1 on HOST:PORT` once it answers. SIGTERM or Ctrl-C ends it: calls that run are "
        "finished, the exit code is 0; a second signal ends it at once. SIGHUP loads the model anew, beside the "
        "one that answers, and replaces that if the new one works.",
        """\
  digit-detector serve
  digit-detector serve --port 8500 --model models/mine --metrics-port 9464
  digit-detector serve --host 0.0.0.0 --tls-cert server.pem --tls-key server.key --tokens tokens.txt
  digit-detector serve --port 0        # any free port; the ready line says which
  digit-detector serve --processes 4 --watch-model --model models/mine
  digit-detector serve --engine ray --address 10.0.0.1:6379 --max-replicas 40""",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", default=50051, type=port, help="port to listen on (default: %(default)s)")
    add_model(parser)
    add_runtime(parser)
    add_max_megapixels(parser)
    _add_lifecycle(parser)
    _add_security(parser)
    _add_observability(parser)
    serve_on_ray.add_engine(parser)
    parser.set_defaults(run=functools.partial(_run, parser))


def settings_of(args: argparse.Namespace) -> ServerSettings:
    """Return the settings of the server."""
    return ServerSettings(
        host=args.host,
        port=args.port,
        model=args.model,
        runtime=args.runtime or ServerSettings.runtime,
        max_pixels=max_pixels(args),
        watch_model=args.watch_model,
        processes=args.processes,
        grace_s=args.grace,
        limits=WorkLimits(max_concurrent_images=args.max_concurrent_images),
        security=Security(
            certificate=args.tls_cert,
            key=args.tls_key,
            client_ca=args.client_ca,
            insecure=args.insecure,
            tokens=args.tokens,
            open_health=not args.health_auth,
        ),
        observability=Observability(
            metrics_host=args.metrics_host,
            metrics_port=args.metrics_port,
            log_format=args.log_format,
            tracing=args.tracing,
        ),
    )


def _add_lifecycle(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it works")
    group.add_argument(
        "--watch-model",
        action="store_true",
        help="load the model anew whenever its manifest.json changes, as on SIGHUP",
    )
    group.add_argument(
        "--processes",
        default=ServerSettings.processes,
        type=whole_number(1, 256),
        metavar="N",
        help="how many processes serve at the port, each with the model in its memory; one that crashes is "
        "started again (default: %(default)s)",
    )
    group.add_argument(
        "--max-concurrent-images",
        default=WorkLimits.max_concurrent_images,
        type=whole_number(1, 1024),
        metavar="N",
        help="images that a process takes on at once, waiting or in work; it refuses more as OVERLOADED "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--grace",
        default=ServerSettings.grace_s,
        type=seconds,
        metavar="SECONDS",
        help="how long calls that run may take to finish when the server is told to stop (default: %(default)g)",
    )


def _add_security(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("who may call")
    group.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="encrypt; the server's certificate and its chain (PEM)"
    )
    group.add_argument("--tls-key", type=Path, metavar="FILE", help="the private key of --tls-cert (PEM)")
    group.add_argument(
        "--client-ca",
        type=Path,
        metavar="FILE",
        help="mutual TLS: callers must show a certificate of one of these authorities (PEM)",
    )
    group.add_argument(
        "--insecure", action="store_true", help="without TLS, listen to other machines too (see --host)"
    )
    group.add_argument(
        "--tokens",
        type=Path,
        metavar="FILE",
        help="callers must send a bearer token; each line of the file is a token's SHA-256 and a name for the log",
    )
    group.add_argument("--health-auth", action="store_true", help="ask health checks for a token too")


def _add_observability(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("observability")
    group.add_argument(
        "--metrics-port", type=port, metavar="PORT", help="serve a page for Prometheus here (default: none)"
    )
    group.add_argument(
        "--metrics-host",
        default="127.0.0.1",
        metavar="HOST",
        help="address of that page, which is neither encrypted nor asks for a token (default: %(default)s)",
    )
    group.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="log format on standard error (default: %(default)s)",
    )
    group.add_argument(
        "--tracing",
        action="store_true",
        help="send OpenTelemetry spans to OTEL_EXPORTER_OTLP_ENDPOINT; needs digit-detector[tracing]",
    )


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):  # the server, once it is imported, handles them itself
        signal.signal(number, lambda *_: os._exit(0))
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the model is about to be loaded anyway
    serve_on_ray.check_engine_options(args, parser)
    if args.engine == "ray":
        return _run_on_ray(args)
    from detector.serving.server.processes.serve import serve  # noqa: PLC0415 - see detector.cli.options

    return serve(settings_of(args))


def _run_on_ray(args: argparse.Namespace) -> int:
    settings, where = serve_on_ray.settings_of(args), serve_on_ray.address_of(args)
    try:
        from detector.serving.ray import deployment  # noqa: PLC0415 - it needs an extra
    except ModuleNotFoundError as error:
        if error.name not in ("ray", "pydantic"):
            raise
        raise ServerStartError(
            "--engine ray needs more libraries: pip install 'digit-detector[ray]'"
        ) from error
    return deployment.run(settings, where, args.insecure)
