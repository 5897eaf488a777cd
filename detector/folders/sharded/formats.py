"""Rows as the bytes of a shard, JSON Lines or Parquet, and back."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from detector.folders.rows import Row, to_json_line

_BOX = pa.list_(pa.float64(), 4)
_SCHEMA = pa.schema(
    {
        "image": pa.string(),
        "width_px": pa.int32(),
        "height_px": pa.int32(),
        "digits": pa.list_(pa.struct({"label": pa.int8(), "score": pa.float64(), "box": _BOX})),
        "numbers": pa.list_(
            pa.struct(
                {"text": pa.string(), "score": pa.float64(), "box": _BOX, "digits": pa.list_(pa.int32())}
            )
        ),
        "error": pa.struct({"code": pa.string(), "message": pa.string()}),
    }
)
"""The columns of a Parquet shard: the names of a row of JSON; what a row has not is null."""


@dataclass(frozen=True)
class Format:
    """How the rows of a shard are written.

    Attributes:
        name: what it is called, and the ending of its files.
        encode: rows to the bytes of a file.
        decode: those bytes to the same rows; ValueError (pyarrow's errors are that too) if they are not whole.
    """

    name: str
    encode: Callable[[Sequence[Row]], bytes]
    decode: Callable[[bytes], list[Row]]


def _to_json(rows: Sequence[Row]) -> bytes:
    return "".join(f"{to_json_line(row)}\n" for row in rows).encode("ascii")


def _from_json(content: bytes) -> list[Row]:
    return [json.loads(line) for line in content.splitlines()]


def _to_parquet(rows: Sequence[Row]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), _SCHEMA), file)
    return file.getvalue()


def _from_parquet(content: bytes) -> list[Row]:
    table: list[dict[str, Any]] = pq.read_table(io.BytesIO(content)).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in table]


FORMATS = {
    known.name: known
    for known in (Format("jsonl", _to_json, _from_json), Format("parquet", _to_parquet, _from_parquet))
}
"""By their names."""
