"""The paper's toy data: seeded, as ``(x, y)`` tensors in float32."""

from neural_odes.data.synthetic import (
    RADII,
    crossing,
    half_moons,
    nested_spheres,
)

__all__ = ["RADII", "crossing", "half_moons", "nested_spheres"]
