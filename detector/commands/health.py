"""`digit-detector health`: whether a server is ready."""

from detector.console import OK, SOME_FAILED, complain
from detector.errors import DetectorError
from detector.serving.client import DetectorClient
from detector.serving.connection import Connection


def health(connection: Connection, timeout_s: float) -> int:
    """Prints the server's health; returns the exit code."""
    try:
        with DetectorClient(connection.servers, tls=connection.tls, token=connection.token) as client:
            serving = client.is_serving(timeout_s)
    except DetectorError as error:
        complain(str(error))
        return SOME_FAILED
    print("SERVING" if serving else "NOT_SERVING")
    return OK if serving else SOME_FAILED
