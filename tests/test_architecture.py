"""The rules of the house, read from the source: which way imports point, and how large things may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = ("detector", "training", "scripts")
GENERATED = "detector.v1"

LAYERS = (
    {"detector.system", "detector.results"},
    {"detector.images", "detector.models", GENERATED},
    {"detector.pipeline"},
    {"detector.serving", "detector.folders"},
    {"detector.cli"},
    {"scripts"},
)
"""A module may import from its own layer and from those before it. A package's name stands for all in it."""

HOMES = {
    "tensorflow": {"detector.models", "training"},
    "keras": {"detector.models", "training"},
    "cv2": {"detector.images", "detector.pipeline", "training"},
    "tf2onnx": {"detector.models.export_formats"},
    "yaml": {"training.data.labels.readers.safe_yaml"},
    "defusedxml": {"training.data.labels.readers.voc", "detector.folders.location.track"},
    "pi_heif": {"detector.images.heif"},
    "pillow_jxl": {"detector.images.jpeg_xl"},
    "simplejpeg": {"detector.images.jpeg"},
    "av": {"detector.images.video"},
    "gpxpy": {"detector.folders.location", "detector.folders.formats.gpx"},
    "openvino": {"detector.models", "scripts.benchmarks.runtimes"},
    "ray": {
        "detector.folders.sharded.ray_data",
        "detector.serving.ray.application",
        "detector.serving.ray.deployment",
        "training.engine.distributed.ray_train",
    },
    "pyarrow": {"detector.folders.sharded"},
    "fsspec": {"detector.folders.sharded.storage"},
    "grpc": {"detector.serving", GENERATED},
    "grpc_health": {"detector.serving"},
    "grpc_reflection": {"detector.serving"},
    "grpc_status": {"detector.serving"},
    "google": {"detector.serving", GENERATED},
    "prometheus_client": {"detector.serving.telemetry"},
    "pydantic": {"detector.serving.ray.application"},
    "opentelemetry": {"detector.serving.telemetry.tracing", "detector.serving.client.channel"},
}
"""Libraries with a home: nobody else imports them."""


def name_of(path: Path) -> str:
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    name_of(path): ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for package in PACKAGES
    for path in sorted((CHECKOUT / package).rglob("*.py"))
}
OWN = {name: tree for name, tree in SOURCES.items() if not name.startswith(GENERATED)}


def imports(name: str) -> Iterator[str]:
    """Every module that `name` imports anywhere, with the modules in packages by their full names."""
    for node in ast.walk(SOURCES[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative imports hide which way they point"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in SOURCES else node.module


def within(name: str, places: set[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def layer_of(name: str) -> int | None:
    return next((index for index, layer in enumerate(LAYERS) if within(name, layer)), None)


def test_the_walk_sees_the_imports_that_it_is_about() -> None:
    assert "detector.pipeline.detector" in SOURCES
    assert "detector.pipeline.numbers" in set(imports("detector.pipeline.detector"))
    assert "detector.serving.client" in set(imports("detector.cli.running"))


@pytest.mark.parametrize("name", [name for name in OWN if not name.startswith("training")])
def test_every_module_has_a_layer_and_imports_none_above_it(name: str) -> None:
    if name == "detector":  # the front door: it names what users import, all of it below the servers
        assert all((layer_of(target) or 0) <= 2 for target in imports(name) if target.startswith("detector"))
        return
    layer = layer_of(name)
    assert layer is not None, f"give {name} a place in LAYERS"
    above = [target for target in imports(name) if (layer_of(target) or 0) > layer]
    assert not above, f"{name} imports upwards: {above}"


@pytest.mark.parametrize(
    ("importers", "forbidden", "reason"),
    [
        ("detector", "training", "what a user imports knows nothing of training"),
        ("training", "detector.serving", "training knows the detector, not how it is served"),
        ("training", "detector.v1", "the wire's messages stay on the wire"),
        ("training", "detector.folders", "a folder job is no part of training"),
        ("detector.folders", "detector.serving", "the folder job does not know who detects"),
        ("detector.serving", "detector.folders", "a server has no folders"),
        ("detector", "scripts", "scripts call, nobody calls them"),
        ("training", "scripts", "scripts call, nobody calls them"),
        ("detector", "tests", "the product does not lean on its tests"),
    ],
)
def test_forbidden_arrows(importers: str, forbidden: str, reason: str) -> None:
    guilty = [
        name for name in SOURCES if within(name, {importers}) for t in imports(name) if within(t, {forbidden})
    ]
    assert not guilty, reason


@pytest.mark.parametrize("library", HOMES)
def test_a_library_stays_in_its_home(library: str) -> None:
    users = {name for name in SOURCES if any(within(target, {library}) for target in imports(name))}
    assert users, f"nobody imports {library}: drop its rule"
    assert not {name for name in users if not within(name, HOMES[library])}


@pytest.mark.parametrize("name", OWN)
def test_no_circle_runs_through_a_module(name: str) -> None:
    reached, ahead = set(), [name]
    while ahead:
        for target in imports(ahead.pop()):
            assert target != name, f"{name} imports itself by way of others"
            if target in SOURCES and target not in reached:
                reached.add(target)
                ahead.append(target)


@pytest.mark.parametrize("name", OWN)
def test_sizes_and_docstrings(name: str) -> None:
    tree = OWN[name]
    assert ast.get_docstring(tree), "say what the module is for"
    assert "util" not in name.rsplit(".", 1)[-1], "name a module for what it does"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            assert lines <= 60, f"{node.name} has {lines} lines: it does more than one thing"
    last = max((node.end_lineno or 0 for node in ast.walk(tree) if isinstance(node, ast.stmt)), default=0)
    assert last <= 400, f"{last} lines: find the second module in it"
