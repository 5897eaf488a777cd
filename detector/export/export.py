"""An export's folder: each network of a model in one format, and what they are in export.json."""

import json
from pathlib import Path

from detector.export.description import describe
from detector.export.formats import FORMATS
from detector.export.graphs import decoding_graph
from detector.files import whole_folder, write_whole
from detector.networks import load_networks
from detector.score_map import FIELD
from detector.second_look import WINDOW

DESCRIPTION = "export.json"


def export_model(model_dir: Path, export_format: str, folder: Path) -> list[str]:
    """Writes the networks of a model to `folder`, and what they are beside them.

    Args:
        model_dir: the model's folder.
        export_format: one of `FORMATS`.
        folder: a new folder, or an empty one; it has its name when all has been written.

    Returns:
        The names of what was written in `folder`, the networks first.

    Raises:
        ModelError: if the model cannot be used.
        InvalidOptionError: if something is in the folder, or the format's library is not installed.
        OSError: if it cannot be written.
    """
    fcn, again, manifest = load_networks(model_dir)
    graphs = {"fcn": decoding_graph(fcn, FIELD, None)}
    if again:
        graphs["second_look"] = decoding_graph(again, WINDOW, WINDOW)
    kind = FORMATS[export_format]
    with whole_folder(folder, "output") as inside:
        paths = {name: f"{name}{kind.suffix}" for name in graphs}
        for name, graph in graphs.items():
            kind.write(graph, inside / paths[name])
        text = json.dumps(describe(manifest, export_format, paths), indent=2, ensure_ascii=False)
        write_whole(inside / DESCRIPTION, f"{text}\n".encode())
    return [*paths.values(), DESCRIPTION]
