"""Clients that are used like the detector itself: images in, detections out, the package's own errors.

Each name is imported when it is first used: how to reach a server is known without gRPC.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.serving.client.async_client import AsyncDetectorClient
    from detector.serving.client.batch import BatchSettings
    from detector.serving.client.channel import StreamItem, StreamResult
    from detector.serving.client.client import DetectorClient
    from detector.serving.client.connection import Tls

__all__ = ["AsyncDetectorClient", "BatchSettings", "DetectorClient", "StreamItem", "StreamResult", "Tls"]

_HOMES = {
    "async_client": ("AsyncDetectorClient",),
    "batch": ("BatchSettings",),
    "client": ("DetectorClient",),
    "connection": ("Tls",),
    "channel": ("StreamItem", "StreamResult"),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
