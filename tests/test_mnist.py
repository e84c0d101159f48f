"""MNIST: read from a folder or a mirror, and refused where it is not right."""

import functools
import gzip
import hashlib
import importlib
import os
import struct
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pooch
import pytest
import torch

from neural_odes_lab.data import DataError, mnist

module = importlib.import_module("neural_odes_lab.data.mnist")
NAMES = module.FILES["test"]


def idx(array):
    head = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + array.tobytes()


def packed(array):
    return gzip.compress(idx(array))


@pytest.fixture
def arrays(monkeypatch):
    """Three images and their labels in the place of the test set."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (3, 28, 28)).astype(np.uint8)
    labels = np.array([7, 0, 4], dtype=np.uint8)
    for name, array in zip(NAMES, (images, labels), strict=True):
        digest = hashlib.sha256(idx(array)).hexdigest()
        monkeypatch.setitem(module.SHA256, name, digest)
    monkeypatch.setattr(module, "MIRRORS", ("http://localhost:9/",))  # closed
    return images, labels


def write(folder, arrays):
    for name, array in zip(NAMES, arrays, strict=True):
        (folder / name).write_bytes(packed(array))


@pytest.fixture
def folder(tmp_path, arrays, monkeypatch):
    write(tmp_path, arrays)
    monkeypatch.setenv(module.FOLDER, str(tmp_path))
    return tmp_path


def test_a_folder_is_read(folder, arrays):
    x, y = mnist("test")
    assert x.shape == (3, 1, 28, 28)
    assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
    torch.testing.assert_close(
        (x[:, 0] * 255).round().byte(), torch.from_numpy(arrays[0])
    )
    assert y.tolist() == [7, 0, 4]


def test_what_is_wrong_with_a_file_is_said_and_it_is_left_alone(folder, arrays):
    path = folder / NAMES[0]
    whole = path.read_bytes()
    flipped = arrays[0].copy()
    flipped[0, 0, 0] ^= 1
    for bad, said in (
        (whole[:-20], "no whole gzip file"),
        (b"not a gzip file", "no whole gzip file"),
        (packed(flipped), "is corrupt"),
        (gzip.compress(bytes(module.LARGEST + 1)), "is corrupt"),
        (whole[:20] + bytes([whole[20] ^ 255]) + whole[21:], "is "),
    ):
        path.write_bytes(bad)
        with pytest.raises(DataError, match=said) as error:
            mnist("test")
        assert str(path) in str(error.value)
        assert path.read_bytes() == bad
    path.unlink()
    with pytest.raises(DataError, match=r"is missing .* NEURAL_ODES_DATA"):
        mnist("test")
    with pytest.raises(ValueError, match="split must"):
        mnist("all")


@pytest.fixture
def mirror(tmp_path, arrays, monkeypatch):
    """A mirror on this machine, after one that does not answer."""
    served, cache = tmp_path / "served", tmp_path / "cache"
    served.mkdir()
    write(served, arrays)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(served))
    server = ThreadingHTTPServer(("localhost", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://localhost:{server.server_port}"
    monkeypatch.delenv(module.FOLDER, raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: cache)
    monkeypatch.setattr(
        module, "MIRRORS", (f"{address}/nothing/", f"{address}/")
    )
    yield served, cache
    server.shutdown()
    server.server_close()


def test_the_next_mirror_is_asked_and_the_file_is_kept(mirror):
    served, cache = mirror
    assert mnist("test")[1].tolist() == [7, 0, 4]
    for name in NAMES:
        (served / name).unlink()
    assert mnist("test")[1].tolist() == [7, 0, 4]
    assert sorted(p.name for p in cache.iterdir()) == sorted(NAMES)


def test_a_bad_download_is_not_kept(mirror):
    served, cache = mirror
    (served / NAMES[0]).write_bytes(gzip.compress(b"something else"))
    with pytest.raises(DataError, match=r"could not be downloaded.*corrupt"):
        mnist("test")
    assert not (cache / NAMES[0]).exists()


def test_a_mirror_that_drips_is_given_up(mirror, monkeypatch):
    _, cache = mirror

    class Dripping(SimpleHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b" ")

    with ThreadingHTTPServer(("localhost", 0), Dripping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        drips = f"http://localhost:{server.server_port}/"
        monkeypatch.setattr(module, "MIRRORS", (drips, *module.MIRRORS))
        monkeypatch.setattr(module, "SECONDS", 0.0)
        with pytest.raises(DataError, match="not complete after"):
            mnist("test")
        monkeypatch.setattr(module, "SECONDS", 600.0)
        monkeypatch.setattr(module, "LARGEST", 10_000)
        assert mnist("test")[1].tolist() == [7, 0, 4]
        server.shutdown()
    assert sorted(p.name for p in cache.iterdir()) == sorted(NAMES)


@pytest.mark.skipif(
    not Path(os.environ.get(module.FOLDER) or "?").is_dir(),
    reason="NEURAL_ODES_DATA names no folder",
)
@pytest.mark.parametrize(
    ("split", "samples"), [("train", 60_000), ("test", 10_000)]
)
def test_the_real_thing(split, samples):
    x, y = mnist(split)
    assert x.shape == (samples, 1, 28, 28)
    assert (x.min(), x.max()) == (0, 1)
    assert set(y.tolist()) == set(range(10))
