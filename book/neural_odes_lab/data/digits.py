"""The small digits that come with scikit-learn."""

from __future__ import annotations

import torch
from torch import Tensor

from neural_odes.checks import check_at_least, check_one_of, generator, optional
from neural_odes_lab.data.mnist import Split


def digits(
    split: Split = "train", *, test: int = 360, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Handwritten digits, 8 x 8: 1,797 images that come with scikit-learn.

    Args:
        split: "train" or "test".
        test: number of images, drawn at random, for testing (360, a fifth, is
            chosen), 1 to 1,796.
        seed: of that draw.

    Returns:
        x of shape (N, 1, 8, 8), float32 in [0, 1]; y of shape (N,), int64.

    Raises:
        ValueError: an argument out of range.
        ImportError: scikit-learn is missing (the extra ``data``).
    """
    check_one_of("split", split, ("train", "test"))
    check_at_least("test", test, 1)
    draws = generator(seed)
    bunch = optional("sklearn.datasets", "data").load_digits()
    x = torch.as_tensor(bunch.images, dtype=torch.float32)[:, None] / 16
    y = torch.as_tensor(bunch.target, dtype=torch.int64)
    if not test < len(x):
        raise ValueError(
            f"test must be an integer from 1 to {len(x) - 1}, got {test}"
        )
    order = torch.randperm(len(x), generator=draws)
    kept = order[:test] if split == "test" else order[test:]
    return x[kept], y[kept]
