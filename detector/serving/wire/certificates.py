"""Files of certificates and keys, tried before gRPC, which says of bad ones only that nothing works."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UnusableFileError(Exception):
    """A file cannot be read, or holds something else; the message names it and says why."""


def check_authorities(path: Path) -> None:
    """Check that a file holds CA certificates.

    Raises:
        UnusableFileError: if it does not.
    """
    with named(path):
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)


def check_pair(certificate: Path, key: Path) -> None:
    """Check that a certificate and a private key belong together.

    Raises:
        UnusableFileError: if they do not, or a file holds something else.
    """
    with named(certificate, key):
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=_no_password)


@contextmanager
def named(*paths: Path) -> Iterator[None]:
    """Turn what goes wrong with files into one error that names them.

    Raises:
        UnusableFileError: for every OSError, and what `ssl` makes of other files than PEM.
    """
    names = " and ".join(str(path) for path in paths)
    try:
        yield
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        raise UnusableFileError(f"{names}: no usable PEM: {reason}") from error
    except OSError as error:
        raise UnusableFileError(f"{names}: {error.strerror}") from error


def _no_password() -> bytes:
    """Refuse an encrypted key; without this OpenSSL would prompt."""
    raise UnusableFileError("the private key is encrypted: give one that is not, readable by its owner alone")
