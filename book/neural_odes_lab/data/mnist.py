"""The real MNIST, from a folder or from the network, checked either way."""

from __future__ import annotations

import gzip
import hashlib
import struct
import time
import zlib
from pathlib import Path
from typing import Any, Literal
from urllib.request import urlopen

import numpy as np
import torch
from torch import Tensor

from neural_odes.checks import check_one_of, optional

Split = Literal["train", "test"]

FOLDER = "NEURAL_ODES_DATA"
"""Environment variable that names the folder of the four .gz files."""
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
SHA256 = {
    "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738"
    "ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5"
    "333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77"
    "db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351"
    "222c34898ecbeaf847f06e48f7ec33f2",
}
"""Of the decompressed bytes: an archive may have been packed anew."""
LARGEST = 16 + 60_000 * 28 * 28
"""Bytes of the largest file, decompressed; longer ones are refused."""
SECONDS = 600.0
"""How long a download may take, even if data keep arriving."""


class DataError(RuntimeError):
    """Data are missing or damaged."""


def mnist(split: Split = "train") -> tuple[Tensor, Tensor]:
    """Handwritten digits, 28 x 28 (LeCun et al., 1998).

    The four files are kept in the folder that the environment variable
    NEURAL_ODES_DATA names or, where it is not set, in the cache folder of this
    user. One that is missing there is downloaded from the first of several
    mirrors that has it.

    Args:
        split: "train", 60,000 images, or "test", 10,000.

    Returns:
        x of shape (N, 1, 28, 28), float32 in [0, 1]; y of shape (N,), int64.

    Raises:
        ValueError: another split.
        DataError: a file is corrupt or truncated, or no mirror has it. A
            download that fails its check is not kept.
        ImportError: pooch is missing (the extra ``lab``).
    """
    check_one_of("split", split, FILES)
    images, labels = map(_array, FILES[split])
    x = torch.from_numpy(images).float()[:, None] / 255
    return x, torch.from_numpy(labels).long()


def _array(name: str) -> np.ndarray:
    """An array of bytes in the IDX format: magic, sizes, values."""
    data = _checked(_file(name))
    dimensions = data[3]
    shape = struct.unpack_from(f">{dimensions}I", data, 4)
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions)
    return values.reshape(shape).copy()


def _file(name: str) -> Path:
    pooch = optional("pooch", "lab")
    registry, reasons = dict.fromkeys(SHA256), []
    for mirror in MIRRORS:
        store = pooch.create(
            pooch.os_cache("neural-odes"), mirror, registry=registry, env=FOLDER
        )
        try:
            return Path(store.fetch(name, downloader=_download))
        except (OSError, ValueError, DataError) as error:
            reasons.append(f"{mirror}: {error}")
    raise DataError(
        f"{store.abspath / name} is missing and could not be downloaded; put "
        f"MNIST's four .gz files into a folder and set {FOLDER} to its path. "
        + "; ".join(reasons)
    )


def _download(url: str, output: str, _pooch: Any) -> None:
    """Download and check a file, within the limits of time and size."""
    end = time.monotonic() + SECONDS
    with urlopen(url, timeout=30) as answer, open(output, "wb") as file:
        while part := answer.read1(2**16):
            file.write(part)
            if time.monotonic() > end:
                raise TimeoutError(f"not complete after {SECONDS:g} s")
            if file.tell() > LARGEST:
                raise OSError(f"more than {LARGEST} bytes")
    _checked(Path(output), url.rpartition("/")[2])


def _checked(path: Path, name: str = "") -> bytes:
    """A file's decompressed bytes, once their checksum is verified."""
    try:
        with gzip.open(path) as file:
            data = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is no whole gzip file ({error})") from error
    found, known = hashlib.sha256(data).hexdigest(), SHA256[name or path.name]
    if found != known:
        raise DataError(
            f"{path} is corrupt: the SHA-256 of its contents must be {known}, "
            f"got {found}"
        )
    return data
