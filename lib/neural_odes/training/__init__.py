"""Training: one model or many, with checkpoints."""

from neural_odes.training.fit import Penalty, accuracy, fit
from neural_odes.training.loop import History, TrainingError

__all__ = ["History", "Penalty", "TrainingError", "accuracy", "fit"]
