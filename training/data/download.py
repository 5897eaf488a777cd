"""Fetches MNIST, CIFAR-10 and SVHN from their official addresses, and unpacks them as the readers want them."""

import hashlib
import http.client
import shutil
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from detector.system.progress_bar import progress_bar
from training.errors import DataError

_CHUNK = 1 << 20

_TIMEOUT_S = 30

_TRIES = 4

_PAUSE_S = 0.5


@dataclass(frozen=True)
class RemoteFile:
    """One file to fetch.

    Attributes:
        path: where it goes, below `--data`.
        urls: where it is, tried in order.
        size: in bytes.
        sha256: its published checksum.
        source: who publishes size and checksum.
        folder: what a tar archive unpacks to, below `--data`; the archive's root has the same name.
    """

    path: str
    urls: tuple[str, ...]
    size: int
    sha256: str
    source: str
    folder: str | None = None


_TFDS_MNIST = "TensorFlow Datasets, url_checksums/mnist.txt"

_TFDS_SVHN = "TensorFlow Datasets, url_checksums/svhn_cropped.txt"

_HF_SVHN = "Hugging Face Datasets, datasets/svhn/dataset_infos.json"

_DOCTR_TOO = f"{_HF_SVHN}; the same SHA-256 in docTR, doctr/datasets/svhn.py"

_MNIST_MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",  # TensorFlow Datasets'
    "https://ossci-datasets.s3.amazonaws.com/mnist/",  # torchvision's
    "http://yann.lecun.com/exdb/mnist/",  # the original, which often refuses
)

_SVHN_HOME = "http://ufldl.stanford.edu/housenumbers/"


def _mnist(name: str, size: int, sha256: str) -> RemoteFile:
    return RemoteFile(
        f"mnist/{name}", tuple(mirror + name for mirror in _MNIST_MIRRORS), size, sha256, _TFDS_MNIST
    )


def _crops(split: str, size: int, sha256: str) -> RemoteFile:
    name = f"{split}_32x32.mat"
    return RemoteFile(f"svhn/{name}", (_SVHN_HOME + name,), size, sha256, _TFDS_SVHN)


def _scenes(split: str, size: int, sha256: str, source: str) -> RemoteFile:
    name = f"{split}.tar.gz"
    return RemoteFile(f"svhn/{name}", (_SVHN_HOME + name,), size, sha256, source, f"svhn/{split}")


CATALOGUE: dict[str, tuple[RemoteFile, ...]] = {
    "mnist": (
        _mnist(
            "train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        _mnist(
            "train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        _mnist(
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        _mnist(
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "cifar10": (
        RemoteFile(
            "cifar-10-python.tar.gz",
            ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
            170_498_071,
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            "Keras, keras/src/datasets/cifar10.py; the same, and the size, in Hugging Face Datasets, "
            "datasets/cifar10/dataset_infos.json",
            "cifar-10-batches-py",
        ),
    ),
    "svhn": (
        _crops("train", 182_040_794, "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"),
        _crops("test", 64_275_384, "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"),
        _scenes(
            "train",
            404_141_560,
            "4b17bb33b6cd8f963493168f80143da956f28ec406cc12f8e5745a9f91a51898",
            _DOCTR_TOO,
        ),
        _scenes(
            "test",
            276_555_967,
            "57ac9ceb530e4aa85b55d991be8fc49c695b3d71c6f6a88afea86549efde7fb5",
            _DOCTR_TOO,
        ),
    ),
    "svhn-extra": (
        _crops("extra", 1_329_278_602, "a133a4beb38a00fcdda90c9489e0c04f900b660ce8a316a5e854838379a71eb3"),
        _scenes(
            "extra",
            1_955_489_752,
            "e857e27d1e65bd1e7d3959b094061777f6506bbc39889a0df3bba6a729d60f9c",
            _HF_SVHN,
        ),
    ),
}
"""The data sets of `download`, by name."""


def fetch(file: RemoteFile, data_dir: Path) -> Path:
    """Make the file, or the folder that it unpacks to, be there.

    A folder that is there is taken as it is; a file that is there is verified.

    Returns:
        The file or the folder.

    Raises:
        DataError: if no address gives the published file; it says what to fetch by hand and where to put it.
    """
    target = data_dir / file.path
    folder = data_dir / file.folder if file.folder is not None else None
    if folder is not None and folder.is_dir():
        return folder
    if not target.exists():
        _download(file, target)
    elif not _is_published(file, target):
        raise DataError(
            f"{target} is there, but it is not the published file ({file.source}); move it away first"
        )
    if folder is None:
        return target
    unpack(target, folder)
    target.unlink()
    return folder


def _download(file: RemoteFile, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    if _length(part) >= file.size:  # a whole one would have been renamed
        part.unlink()
    problems = []
    for url in file.urls:
        try:
            _transfer(url, part, file.size)
        except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
            problems.append(f"{url}: {error}")
            continue
        if _is_published(file, part):
            part.replace(target)
            return
        part.unlink()
        problems.append(f"{url}: what it sends is not the published file")
    by_hand = (
        f"fetch {file.urls[0]} by hand ({file.size:,} bytes, SHA-256 {file.sha256}), "
        f"put it at {target} and run this command again"
    )
    raise DataError("\n".join([f"{target.name} could not be downloaded:", *problems, by_hand]))


def _transfer(url: str, part: Path, size: int) -> None:
    """Bring `part` to `size` bytes, going on where it ends, until a few tries in a row get no further."""
    tries, furthest = 0, _length(part)
    while _length(part) < size:
        try:
            _append(url, part, _length(part), size)
            error: Exception = ConnectionError(f"ends after {_length(part):,} of {size:,} bytes")
        except urllib.error.HTTPError as refused:
            refused.close()
            if refused.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink()  # it is no part of what this server has; the next try starts afresh
            raise
        except (OSError, http.client.HTTPException) as broken:
            error = broken
        tries = 0 if _length(part) > furthest else tries + 1
        furthest = max(furthest, _length(part))
        if tries == _TRIES:
            raise error
        time.sleep(_PAUSE_S * tries)


def _append(url: str, part: Path, start: int, size: int) -> None:
    """Request the bytes from `start` on; a server without ranges sends all, which replaces the part."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
        resumed = response.status == HTTPStatus.PARTIAL_CONTENT and response.headers.get(
            "Content-Range", ""
        ).startswith(f"bytes {start}-")
        done = start if resumed else 0
        bar: tqdm[None] = progress_bar(desc=part.stem, total=size, initial=done, unit="B", unit_scale=True)
        with part.open("ab" if resumed else "wb") as out, bar:
            while done <= size and (piece := response.read(_CHUNK)):
                out.write(piece)
                done += len(piece)
                bar.update(len(piece))


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _is_published(file: RemoteFile, path: Path) -> bool:
    if path.stat().st_size != file.size:
        return False
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == file.sha256


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the archive's one root folder, named like `folder`, to `folder`, which appears whole or not at all.

    Raises:
        DataError: if the archive is damaged or holds anything but regular files below that root.
    """
    staging = folder.with_name(folder.name + ".part")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                _unpack_member(tar, member, folder.name, staging)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{archive}: cannot be unpacked: {error}") from error
    if not staging.is_dir():
        raise DataError(f"{archive}: holds no files in {folder.name}/")
    staging.replace(folder)


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, root: str, staging: Path) -> None:
    """Write a regular file below `root`; folders come with their files, all else is refused."""
    if member.isdir():
        return
    path = PurePosixPath(member.name)
    parts = path.parts[1:] if path.parts[:1] == (".",) else path.parts
    content = tar.extractfile(member) if member.isreg() else None
    if content is None or len(parts) < 2 or parts[0] != root or ".." in parts:
        raise tarfile.TarError(f"{member.name!r} is not a file in {root}/")
    target = staging.joinpath(*parts[1:])
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("wb") as out:
        shutil.copyfileobj(content, out)
