"""Data sets that others made: digits, MNIST and a graph, as tensors."""

from neural_odes_lab.data.digits import digits
from neural_odes_lab.data.graph import karate
from neural_odes_lab.data.mnist import DataError, mnist

__all__ = ["DataError", "digits", "karate", "mnist"]
