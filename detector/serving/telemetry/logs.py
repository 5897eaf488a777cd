"""Log lines on standard error: text for people, or JSON, one object a line.

A record's `fields`, if it has them, are named values. All values are escaped: no caller can forge a line.
"""

import json
import logging
import sys
from datetime import UTC, datetime

from detector.serving.telemetry import telemetry


def configure(log_format: str) -> None:
    """Send the package's log, and other libraries' warnings, to standard error.

    Args:
        log_format: "text" or "json".
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("detector").setLevel(logging.INFO)


class JsonFormatter(logging.Formatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        row = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            row["exception"] = self.formatException(record.exc_info)
        return json.dumps(row)


class TextFormatter(logging.Formatter):
    """A record as time, level, message and NAME=VALUE pairs; a traceback, if there is one, below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        pairs = [f"{name}={_plain(value)}" for name, value in _fields(record).items()]
        line = " ".join([_time(record), record.levelname.lower(), _one_line(record.getMessage()), *pairs])
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """Return the record's own named values, and the id of the call in which it was written."""
    call = telemetry.current()
    return getattr(record, "fields", None) or ({} if call is None else {"request_id": call.request_id})


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _plain(value: object) -> str:
    text = str(value)
    return (
        text
        if text.isascii() and text.isprintable() and " " not in text and '"' not in text
        else json.dumps(text)
    )


def _one_line(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)
