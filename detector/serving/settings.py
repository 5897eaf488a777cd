"""What a server can be told: plain values in groups, complete before a heavy library is imported."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class WorkLimits:
    """How much a server takes on at once.

    Attributes:
        places: images admitted, waiting or in work; one more is refused with OverloadedError.
        decoded_images: of these, images whose pixels are in memory.
        streams: open DetectStream calls.
        stream_window: images of one stream that are read ahead.
    """

    places: int = 16
    decoded_images: int = 2
    streams: int = 16
    stream_window: int = 4


@dataclass(frozen=True)
class ServerSettings:
    """Where a server listens and what it takes on.

    Attributes:
        host: name or address to listen at.
        port: 0 for any that is free.
        grace_s: seconds that work in flight gets to finish when the server is told to stop.
        limits: how much it takes on at once.
    """

    host: str = "127.0.0.1"
    port: int = 50051
    grace_s: float = 30.0
    limits: WorkLimits = field(default_factory=WorkLimits)
