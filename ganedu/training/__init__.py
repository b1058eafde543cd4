"""Training that can be stopped anywhere and resumed to the bit: `train`, `resume`, `load`.

A run lives in one folder; `ganedu train --help` is the same thing at the command line.
Taught in {ref}`training`.
"""

from ganedu.training.config import TrainConfig
from ganedu.training.errors import Interrupted, TrainingError
from ganedu.training.loading import load
from ganedu.training.runs import Outcome, resume, train

__all__ = ["Interrupted", "Outcome", "TrainConfig", "TrainingError", "load", "resume", "train"]
