"""Data sets of the paper: seeded, as ``(x, y)`` tensors in float32."""

from neural_odes.data.digits import digits
from neural_odes.data.graph import karate
from neural_odes.data.mnist import DataError, mnist
from neural_odes.data.synthetic import (
    RADII,
    crossing,
    half_moons,
    nested_spheres,
)

__all__ = [
    "RADII",
    "DataError",
    "crossing",
    "digits",
    "half_moons",
    "karate",
    "mnist",
    "nested_spheres",
]
